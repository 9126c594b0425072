// What the processor can run and the operating system saves. CPUID without XCR0 is a crash on machines whose operating
// system masks AVX: both are asked. The readers are arguments so that a test can show a processor that is not there.
#pragma once

#include <cstdint>

namespace rnnfast {

struct CpuidRegisters {
    std::uint32_t eax, ebx, ecx, edx;
};

struct CpuReaders {
    CpuidRegisters (*cpuid)(std::uint32_t leaf, std::uint32_t subleaf);
    std::uint64_t (*xcr0)();  // called only where CPUID says that XGETBV exists
};

struct CpuFeatures {
    bool avx2_fma = false;
    bool avx512 = false;  ///< F, VL, BW and DQ, and avx2_fma
};

CpuFeatures cpu_features(const CpuReaders& readers);

/// Of the machine that runs this.
CpuFeatures cpu_features();

}  // namespace rnnfast
