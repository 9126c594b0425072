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

std::uint64_t read_float_control() noexcept {
    std::uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    return control;
}
void write_float_control(std::uint64_t control) noexcept { __asm__ volatile("msr fpcr, %0" : : "r"(control)); }
std::uint64_t kernel_float_control() noexcept { return std::uint64_t{1} << 24; }  // FZ
bool is_kernel_float_control(std::uint64_t control) noexcept { return control == kernel_float_control(); }

#else
#error "rnnfast runs on x86-64 and aarch64"
#endif

}  // namespace rnnfast
