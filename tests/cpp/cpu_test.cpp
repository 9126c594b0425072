#include "core/cpu.hpp"

#include <doctest/doctest.h>

namespace {

using rnnfast::CpuidRegisters;

// A processor with AVX, FMA and AVX2, and an operating system that saves their registers; tests take things away.
struct FakeCpu {
    std::uint32_t highest_leaf = 7;
    std::uint32_t leaf1_ecx = 1u << 28 | 1u << 27 | 1u << 12;
    std::uint32_t leaf7_ebx = 1u << 5;
    std::uint64_t xcr0 = 7;
    bool xgetbv_called = false;
};
FakeCpu fake;

bool avx2_fma(const FakeCpu& cpu) {
    fake = cpu;
    const rnnfast::CpuReaders readers{[](std::uint32_t leaf, std::uint32_t) {
                                          if (leaf == 0) return CpuidRegisters{fake.highest_leaf, 0, 0, 0};
                                          return leaf == 1 ? CpuidRegisters{0, 0, fake.leaf1_ecx, 0}
                                                           : CpuidRegisters{0, fake.leaf7_ebx, 0, 0};
                                      },
                                      [] {
                                          fake.xgetbv_called = true;
                                          return fake.xcr0;
                                      }};
    return rnnfast::cpu_features(readers).avx2_fma;
}

}  // namespace

TEST_CASE("AVX2 needs the processor and the operating system") {
    FakeCpu cpu;
    CHECK(avx2_fma(cpu));
    SUBCASE("the operating system masks AVX") { cpu.xcr0 = 3; }
    SUBCASE("no FMA") { cpu.leaf1_ecx &= ~(1u << 12); }
    SUBCASE("no AVX") { cpu.leaf1_ecx &= ~(1u << 28); }
    SUBCASE("AVX but no AVX2") { cpu.leaf7_ebx = 0; }
    SUBCASE("too old for leaf 7") { cpu.highest_leaf = 4; }
    SUBCASE("nothing at all") { cpu = {1, 0, 0, 0, false}; }
    CHECK_FALSE(avx2_fma(cpu));
}

TEST_CASE("XGETBV is not executed where it does not exist") {
    FakeCpu cpu;
    cpu.leaf1_ecx &= ~(1u << 27);
    CHECK_FALSE(avx2_fma(cpu));
    CHECK_FALSE(fake.xgetbv_called);
}
