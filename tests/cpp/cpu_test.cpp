#include "core/cpu.hpp"

#include <doctest/doctest.h>

namespace {

using rnnfast::CpuidRegisters;

// A processor with AVX, FMA, AVX2 and AVX-512, and an operating system that saves their registers; tests take things
// away.
struct FakeCpu {
    std::uint32_t highest_leaf = 7;
    std::uint32_t leaf1_ecx = 1u << 28 | 1u << 27 | 1u << 12;
    std::uint32_t leaf7_ebx = 1u << 5 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    std::uint64_t xcr0 = 0xe7;
    bool xgetbv_called = false;
};
FakeCpu fake;

rnnfast::CpuFeatures features(const FakeCpu& cpu) {
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
    return rnnfast::cpu_features(readers);
}

}  // namespace

TEST_CASE("AVX2 needs the processor and the operating system") {
    FakeCpu cpu;
    CHECK(features(cpu).avx2_fma);
    SUBCASE("the operating system masks AVX") { cpu.xcr0 = 3; }
    SUBCASE("no FMA") { cpu.leaf1_ecx &= ~(1u << 12); }
    SUBCASE("no AVX") { cpu.leaf1_ecx &= ~(1u << 28); }
    SUBCASE("AVX but no AVX2") { cpu.leaf7_ebx = 0; }
    SUBCASE("too old for leaf 7") { cpu.highest_leaf = 4; }
    SUBCASE("nothing at all") { cpu = {1, 0, 0, 0, false}; }
    CHECK_FALSE(features(cpu).avx2_fma);
    CHECK_FALSE(features(cpu).avx512);
}

TEST_CASE("AVX-512 needs all four of its parts and the operating system") {
    FakeCpu cpu;
    CHECK(features(cpu).avx512);
    SUBCASE("the operating system saves no ZMM registers") { cpu.xcr0 = 7; }
    SUBCASE("nor the upper 16 of them") { cpu.xcr0 = 0x67; }
    SUBCASE("no F") { cpu.leaf7_ebx &= ~(1u << 16); }
    SUBCASE("no DQ") { cpu.leaf7_ebx &= ~(1u << 17); }
    SUBCASE("no BW") { cpu.leaf7_ebx &= ~(1u << 30); }
    SUBCASE("no VL") { cpu.leaf7_ebx &= ~(1u << 31); }
    CHECK_FALSE(features(cpu).avx512);
    CHECK(features(cpu).avx2_fma);
}

TEST_CASE("XGETBV is not executed where it does not exist") {
    FakeCpu cpu;
    cpu.leaf1_ecx &= ~(1u << 27);
    CHECK_FALSE(features(cpu).avx2_fma);
    CHECK_FALSE(fake.xgetbv_called);
}
