#include "rnnfast/poll.hpp"

#include "core/float_control.hpp"

namespace rnnfast {

Poll::Poll(std::function<void()> hook, std::chrono::milliseconds interval)
    : hook_(std::move(hook)),
      interval_(interval),
      due_(Clock::now() + interval),
      callers_control_(read_float_control()) {}

void Poll::call() {
    const FloatMode callers(callers_control_);
    hook_();
    due_ = Clock::now() + interval_;
}

}  // namespace rnnfast
