#include "core/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "core/cpu.hpp"
#include "rnnfast/isa.hpp"

namespace rnnfast {
namespace {

struct Isa {
    const kernels::KernelTable<float>* f32;
    const kernels::KernelTable<double>* f64;
    bool (*runs_on)(const CpuFeatures&);
};

constexpr Isa isas[] = {
    // worst first
    {&kernels::scalar_f32, &kernels::scalar_f64, [](const CpuFeatures&) { return true; }},
    {&kernels::scalar_fma_f32, &kernels::scalar_fma_f64, [](const CpuFeatures&) { return true; }},
#if defined(__x86_64__)
    {&kernels::avx2_f32, &kernels::avx2_f64, [](const CpuFeatures& cpu) { return cpu.avx2_fma; }},
    {&kernels::avx512_f32, &kernels::avx512_f64, [](const CpuFeatures& cpu) { return cpu.avx512; }},
#elif defined(__aarch64__)
    {&kernels::neon_f32, &kernels::neon_f64, [](const CpuFeatures&) { return true; }},
#endif
};

const Isa& find(const std::string& name, const char* argument) {
    const CpuFeatures cpu = cpu_features();
    std::string valid;
    for (const Isa& isa : isas) {
        if (!isa.runs_on(cpu)) continue;
        if (name == isa.f32->name) return isa;
        valid += (valid.empty() ? "" : ", ") + std::string(isa.f32->name);
    }
    throw std::invalid_argument(std::string(argument) + " is '" + name +
                                "', expected one that this machine can run: " + valid);
}

// Where the hardware has no FMA the oracle is slow: an x86-64 machine without it gets `scalar`.
const Isa& choose() {
    if (const char* name = std::getenv("RNNFAST_ISA"); name && *name) return find(name, "RNNFAST_ISA");
    const CpuFeatures cpu = cpu_features();
#if defined(__aarch64__)
    const bool has_fma = true;
#else
    const bool has_fma = cpu.avx2_fma;
#endif
    const Isa* best = &isas[0];
    for (const Isa& isa : isas)
        if (isa.runs_on(cpu) && (has_fma || isa.f32 != &kernels::scalar_fma_f32)) best = &isa;
    return *best;
}

std::atomic<const Isa*> chosen{nullptr};  // by set_isa, or at the first call that needs it

const Isa& active() {
    const Isa* isa = chosen.load();
    if (isa) return *isa;
    const Isa& best = choose();
    return chosen.compare_exchange_strong(isa, &best) ? best : *isa;
}

}  // namespace

template <>
const kernels::KernelTable<float>& active_kernels() {
    return *active().f32;
}
template <>
const kernels::KernelTable<double>& active_kernels() {
    return *active().f64;
}

std::vector<std::string> known_isas() {
    std::vector<std::string> names;
    for (const Isa& isa : isas) names.emplace_back(isa.f32->name);
    return names;
}

std::vector<std::string> available_isas() {
    const CpuFeatures cpu = cpu_features();
    std::vector<std::string> names;
    for (const Isa& isa : isas)
        if (isa.runs_on(cpu)) names.emplace_back(isa.f32->name);
    return names;
}

std::string active_isa() { return active().f32->name; }

void set_isa(const std::string& name) { chosen.store(&find(name, "set_isa: name")); }

}  // namespace rnnfast
