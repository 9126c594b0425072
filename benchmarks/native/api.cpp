// The C functions that benchmarks/native.py calls. Sizes are the caller's business.
#include <exception>
#include <new>

#include "kernels_alone.hpp"
#include "limits.hpp"
#include "rnnfast/isa.hpp"

namespace {

using namespace rnnfast;

const limits::Limits* chosen = nullptr;

#if defined(__x86_64__)
constexpr const limits::Limits* all[] = {&limits::avx2, &limits::avx512};
#elif defined(__aarch64__)
constexpr const limits::Limits* all[] = {&limits::neon};
#endif

const limits::Limits* find(const std::string& isa) {
    for (const limits::Limits* known : all)
        if (isa == known->name) return known;
    return nullptr;
}

volatile float kept;  // so that no measured loop is left out

}  // namespace

#define RNNFAST_LIMITS_API extern "C" __attribute__((visibility("default")))

/// Which instruction set everything below uses. 0 where this machine or this library has none of that name.
RNNFAST_LIMITS_API int limits_use(const char* isa) noexcept {
    try {
        chosen = find(isa);
        if (chosen) set_isa(isa);
        return chosen != nullptr;
    } catch (const std::exception&) {
        return 0;
    }
}

RNNFAST_LIMITS_API Index limits_multiply_adds() noexcept { return chosen->multiply_adds; }

RNNFAST_LIMITS_API void limits_multiply_add(Index rounds) noexcept { kept = chosen->multiply_add(rounds); }

/// A block of n numbers to read, null where there is no memory.
RNNFAST_LIMITS_API void* limits_block(Index n) noexcept {
    auto* block = new (std::nothrow) Buffer<float>();
    try {
        if (block) *block = Buffer<float>(n);
    } catch (const std::bad_alloc&) {
        delete block;
        return nullptr;
    }
    for (Index j = 0; block && j < n; ++j) (*block)[j] = 1.0f;  // else all pages are one page of zeros
    return block;
}

RNNFAST_LIMITS_API void limits_block_free(void* block) noexcept { delete static_cast<Buffer<float>*>(block); }

RNNFAST_LIMITS_API void limits_read(const void* block, Index rounds) noexcept {
    const auto& numbers = *static_cast<const Buffer<float>*>(block);
    kept = chosen->read(numbers.size(), numbers.data(), rounds);
}

RNNFAST_LIMITS_API void* limits_products(Index count, const limits::ProductShape* shapes) noexcept {
    try {
        return new limits::Products(count, shapes);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

RNNFAST_LIMITS_API void limits_products_free(void* products) noexcept {
    delete static_cast<limits::Products*>(products);
}

RNNFAST_LIMITS_API void limits_products_run(void* products, Index rounds) noexcept {
    static_cast<limits::Products*>(products)->run(rounds);
}

RNNFAST_LIMITS_API void limits_gates(Index batch, Index hidden, Index rounds) noexcept {
    limits::run_gates(batch, hidden, rounds);
}

RNNFAST_LIMITS_API void limits_draws(Index rows, Index V, Index rounds) noexcept { limits::run_draws(rows, V, rounds); }
