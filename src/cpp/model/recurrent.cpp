#include "rnnfast/recurrent.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "layers/rows.hpp"
#include "model/initialise.hpp"
#include "model/tokens.hpp"
#include "model/weights.hpp"

namespace rnnfast {

template <class T>
struct Recurrent<T>::Impl : Trainable<T>::Weights {
    explicit Impl(Stack<T> layers) : Trainable<T>::Weights(layers.parameters()), stack(std::move(layers)) {}

    void prepare(bool for_backward) override {
        Threads alone;
        stack.prepare(this->parameters.places_in(this->parameters.flat()), for_backward, alone);
    }

    Stack<T> stack;
};

template <class T>
struct Recurrent<T>::Run::Impl {
    Impl(std::shared_ptr<const typename Recurrent<T>::Impl> owner_, Segments segments)
        : owner(std::move(owner_)), workspace(owner->stack, std::move(segments)) {}

    std::shared_ptr<const typename Recurrent<T>::Impl> owner;
    StackWorkspace<T> workspace;
    Buffer<T> x;
    Buffer<std::int32_t> tokens;
    std::uint64_t changes = 0;
    std::atomic<bool> can_go_back{false};  // two threads may try
};

template <class T>
Recurrent<T>::Recurrent(const StackConfig& config, std::uint64_t seed, Poll& poll)
    : Recurrent(std::make_shared<Impl>(Stack<T>(config))) {
    const FloatScope scope;
    const bool forgets = config.cell == Cell::lstm && !config.lstm.coupled;
    initialise(impl_->parameters, seed, forgets ? config.hidden_size : 0, poll);
    impl_->prepare(false);
}

template <class T>
Recurrent<T>::Recurrent(std::shared_ptr<Impl> impl) : Trainable<T>(impl), impl_(std::move(impl)) {}
template <class T>
Recurrent<T>::~Recurrent() = default;
template <class T>
Recurrent<T>::Recurrent(Recurrent&&) noexcept = default;
template <class T>
Recurrent<T>& Recurrent<T>::operator=(Recurrent&&) noexcept = default;

template <class T>
const Stack<T>& Recurrent<T>::stack() const noexcept {
    return impl_->stack;
}

template <class T>
typename Recurrent<T>::Run Recurrent<T>::forward(LayerInput<T> x, Segments segments, const T* h, const T* c,
                                                 std::optional<RandomKey> masks, bool for_backward, Index num_threads,
                                                 Poll& poll) {
    const StackConfig& config = impl_->stack.config();
    const Index places = segments.steps() * segments.batch();
    if (x.tokens) check_tokens("x", segments.steps(), segments.batch(), x.tokens, config.input_size);
    if (x.tokens && masks && config.input_dropout > 0)
        throw std::invalid_argument("x holds tokens, expected numbers: the layer has input_dropout");
    if (for_backward) impl_->ready_for_backward(poll);
    const FloatScope scope;
    Threads threads(choose_threads(num_threads, impl_->work(segments.packing().rows())));
    const bool keeps_x = for_backward && segments.whole();  // else the packed rows are a copy
    auto run = std::make_unique<typename Run::Impl>(impl_, std::move(segments));
    if (keeps_x && x.tokens) {
        run->tokens = Buffer<std::int32_t>(places);
        std::copy_n(x.tokens, places, run->tokens.data());
        x.tokens = run->tokens.data();
    } else if (keeps_x) {
        run->x = Buffer<T>(places * config.input_size);
        std::copy_n(x.dense, run->x.size(), run->x.data());
        x.dense = run->x.data();
    }
    run->workspace.load_state(h, c);
    const ReadLock lock(impl_->mutex, poll);
    run->changes = impl_->changes;
    impl_->stack.forward(x, masks, run->workspace, threads, poll);
    run->can_go_back = for_backward;
    return Run(std::move(run));
}

template <class T>
void Recurrent<T>::step(Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, Poll& poll) const {
    if (x.tokens) check_tokens("x", 1, batch, x.tokens, impl_->stack.config().input_size);
    const FloatScope scope;
    const ReadLock lock(impl_->mutex, poll);
    Buffer<T> scratch(impl_->stack.step_scratch(batch));
    impl_->stack.step(0, batch, x, h_prev, h, c, scratch.data(), poll);
}

template <class T>
Recurrent<T>::Run::Run(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
template <class T>
Recurrent<T>::Run::~Run() = default;
template <class T>
Recurrent<T>::Run::Run(Run&&) noexcept = default;
template <class T>
typename Recurrent<T>::Run& Recurrent<T>::Run::operator=(Run&&) noexcept = default;

template <class T>
const Stack<T>& Recurrent<T>::Run::stack() const noexcept {
    return impl_->owner->stack;
}

template <class T>
const Segments& Recurrent<T>::Run::segments() const noexcept {
    return impl_->workspace.segments();
}

template <class T>
void Recurrent<T>::Run::outputs(T* y, Poll& poll) const {
    const Segments& s = segments();
    const Index columns = impl_->owner->stack.output_size();
    if (!s.whole()) std::fill_n(y, s.steps() * s.batch() * columns, T(0));
    Threads alone;
    scatter_rows(s.places(), s.packing().rows(), columns, Rows<const T>{impl_->workspace.outputs(), columns},
                 Rows<T>{y, columns}, alone, poll);
}

template <class T>
void Recurrent<T>::Run::final_state(T* h, T* c) const {
    impl_->workspace.store_state(h, c);
}

template <class T>
void Recurrent<T>::Run::backward(const T* dy, const std::vector<T*>& gradients, T* dx, T* dh, T* dc, Index num_threads,
                                 Poll& poll) {
    const auto& owner = *impl_->owner;
    const Segments& s = segments();
    const Index rows = s.packing().rows(), columns = owner.stack.output_size(), D = owner.stack.config().input_size;
    const FloatScope scope;
    Threads threads(choose_threads(num_threads, 2 * owner.work(rows)));
    Buffer<T> dy_rows(rows * columns), dx_rows(dx && !s.whole() ? rows * D : 0);
    const ReadLock lock(owner.mutex, poll);
    owner.expect_no_change_since(impl_->changes);
    if (!impl_->can_go_back.exchange(false))  // what forward left is overwritten from here on
        throw std::logic_error("backward: the workspace has been used already; each forward is for one backward");
    gather_rows(s.places(), rows, columns, Rows<const T>{dy, columns}, Rows<T>{dy_rows.data(), columns}, threads, poll);
    for (std::size_t k = 0; k < gradients.size(); ++k)
        std::fill_n(gradients[k], owner.stack.parameters()[k].size(), T(0));
    owner.stack.backward(dy_rows.data(), gradients, dx && !s.whole() ? dx_rows.data() : dx, {dh, dc}, impl_->workspace,
                         threads, poll);
    if (!dx || s.whole()) return;
    std::fill_n(dx, s.steps() * s.batch() * D, T(0));
    scatter_rows(s.places(), rows, D, Rows<const T>{dx_rows.data(), D}, Rows<T>{dx, D}, threads, poll);
}

template class Recurrent<float>;
template class Recurrent<double>;

}  // namespace rnnfast
