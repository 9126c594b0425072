#include "core/cpu.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rnnfast {
namespace {

constexpr bool bit(std::uint64_t word, int k) { return (word >> k & 1) != 0; }

#if defined(__x86_64__)
CpuidRegisters read_cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
    CpuidRegisters r{};
    __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);
    return r;
}

// XGETBV by hand: the intrinsic would need -mxsave for the whole file.
std::uint64_t read_xcr0() {
    std::uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return static_cast<std::uint64_t>(high) << 32 | low;
}
#endif

}  // namespace

CpuFeatures cpu_features(const CpuReaders& readers) {
    CpuFeatures features;
    if (readers.cpuid(0, 0).eax < 7) return features;
    const CpuidRegisters basic = readers.cpuid(1, 0);
    const bool osxsave = bit(basic.ecx, 27);
    const std::uint64_t xcr0 = osxsave ? readers.xcr0() : 0;
    const bool ymm_saved = bit(xcr0, 1) && bit(xcr0, 2);
    const CpuidRegisters extended = readers.cpuid(7, 0);
    const bool avx = bit(basic.ecx, 28), fma = bit(basic.ecx, 12), avx2 = bit(extended.ebx, 5);
    features.avx2_fma = ymm_saved && avx && fma && avx2;
    const bool zmm_saved = bit(xcr0, 5) && bit(xcr0, 6) && bit(xcr0, 7);
    const auto has = [&extended](int feature) { return bit(extended.ebx, feature); };
    const bool avx512 = has(16) && has(17) && has(30) && has(31);  // F, DQ, BW, VL
    features.avx512 = features.avx2_fma && zmm_saved && avx512;
    return features;
}

CpuFeatures cpu_features() {
#if defined(__x86_64__)
    return cpu_features({read_cpuid, read_xcr0});
#else
    return {};
#endif
}

}  // namespace rnnfast
