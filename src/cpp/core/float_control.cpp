#include "core/float_control.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace rnnfast {

#if defined(__x86_64__)

// With the sticky exception flags, which are the caller's too.
std::uint64_t read_float_control() noexcept { return _mm_getcsr(); }
void write_float_control(std::uint64_t control) noexcept { _mm_setcsr(static_cast<unsigned>(control)); }
std::uint64_t kernel_float_control() noexcept {
    constexpr std::uint64_t flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6, mask_all = 0x3fu << 7;
    return flush_to_zero | denormals_are_zero | mask_all;
}
bool is_kernel_float_control(std::uint64_t control) noexcept {
    constexpr std::uint64_t sticky_flags = 0x3f;
    return (control & ~sticky_flags) == kernel_float_control();
}

#elif defined(__aarch64__)

// The mode (FPCR) in the low half and the sticky flags (FPSR) in the high half: x86-64 keeps both in one register.
std::uint64_t read_float_control() noexcept {
    std::uint64_t mode, flags;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("mrs %0, fpsr" : "=r"(flags));
    return flags << 32 | (mode & 0xffffffffu);
}
void write_float_control(std::uint64_t control) noexcept {
    __asm__ volatile("msr fpcr, %0" : : "r"(control & 0xffffffffu));
    __asm__ volatile("msr fpsr, %0" : : "r"(control >> 32));
}
std::uint64_t kernel_float_control() noexcept { return std::uint64_t{1} << 24; }  // FZ; traps are masked by zeros
bool is_kernel_float_control(std::uint64_t control) noexcept {
    return (control & 0xffffffffu) == kernel_float_control();
}

#else
#error "rnnfast runs on x86-64 and aarch64"
#endif

}  // namespace rnnfast
