// doctest's main, but where RNNFAST_ISA names an instruction set that this build knows and this machine cannot run, it
// says so and returns 77, which ctest counts as skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "rnnfast/isa.hpp"

namespace {

bool holds(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

int main(int argc, char** argv) {
    const char* isa = std::getenv("RNNFAST_ISA");
    if (isa && holds(rnnfast::known_isas(), isa) && !holds(rnnfast::available_isas(), isa)) {
        std::printf("this machine cannot run %s: it WAS NOT TESTED\n", isa);
        return 77;
    }
    return doctest::Context(argc, argv).run();
}
