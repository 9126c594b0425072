// The floating-point control register: kernels run with round-to-nearest and subnormals flushed to zero (so that time
// does not depend on values), callers get their own mode back.
//
// One difference remains between processors: aarch64 sees that a result is subnormal before it rounds it, x86-64 after;
// where rounding would give the smallest normal number, the first makes zero of it.
#pragma once

#include <cstdint>

namespace rnnfast {

std::uint64_t read_float_control() noexcept;
void write_float_control(std::uint64_t control) noexcept;

/// Round to nearest, flush subnormal results and operands, mask all exceptions.
std::uint64_t kernel_float_control() noexcept;

/// Whether `control` is that mode, whatever its sticky exception flags.
bool is_kernel_float_control(std::uint64_t control) noexcept;

/// Kernel mode from construction to destruction; every outer native call holds one (inner ones
/// cost a read).
class FloatScope {
public:
    FloatScope() noexcept : callers_(read_float_control()), outer_(!is_kernel_float_control(callers_)) {
        if (outer_) write_float_control(kernel_float_control());
    }
    ~FloatScope() {
        if (outer_) write_float_control(callers_);
    }
    FloatScope(const FloatScope&) = delete;
    FloatScope& operator=(const FloatScope&) = delete;

    /// The mode that the caller came with.
    std::uint64_t callers() const noexcept { return callers_; }

private:
    std::uint64_t callers_;
    bool outer_;
};

/// Another mode from construction to destruction: the caller's, while its function runs in the midst of our work.
class FloatMode {
public:
    explicit FloatMode(std::uint64_t control) noexcept : ours_(read_float_control()) { write_float_control(control); }
    ~FloatMode() { write_float_control(ours_); }
    FloatMode(const FloatMode&) = delete;
    FloatMode& operator=(const FloatMode&) = delete;

private:
    std::uint64_t ours_;
};

}  // namespace rnnfast
