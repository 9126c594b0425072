#include "rnnfast/recurrent.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "layers/rows.hpp"
#include "model/initialise.hpp"
#include "model/lock.hpp"
#include "model/tokens.hpp"

namespace rnnfast {

template <class T>
struct Recurrent<T>::Impl {
    explicit Impl(const StackConfig& config) : stack(config), parameters(stack.parameters()) {}

    void prepare(bool for_backward) {
        Threads alone;
        stack.prepare(parameters.places_in(parameters.flat()), for_backward, alone);
        if (for_backward) prepared_for_backward = true;
    }

    // Multiply-adds of so many rows forward.
    double work(Index rows) const { return static_cast<double>(parameters.flat().size()) * static_cast<double>(rows); }

    Stack<T> stack;
    Parameters<T> parameters;
    std::atomic<bool> prepared_for_backward{false};
    std::uint64_t changes = 0;  // of the parameters
    mutable WeightsMutex weights;
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
    : impl_(std::make_shared<Impl>(config)) {
    const FloatScope scope;
    initialise(impl_->parameters, seed, config.cell == Cell::lstm ? config.hidden_size : 0, poll);
    impl_->prepare(false);
}

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
const std::vector<ParameterView<T>>& Recurrent<T>::parameters() const noexcept {
    return impl_->parameters.views();
}

template <class T>
void Recurrent<T>::set_parameters(const std::vector<const T*>& values, Poll& poll) {
    const auto& views = parameters();
    if (values.size() != views.size())
        throw std::invalid_argument("set_parameters: values has " + std::to_string(values.size()) +
                                    " entries, expected " + std::to_string(views.size()));
    const WriteLock lock(impl_->weights, poll);
    const std::vector<T*> places = impl_->parameters.places_in(impl_->parameters.flat());
    for (std::size_t k = 0; k < values.size(); ++k)
        if (values[k]) std::copy_n(values[k], views[k].size, places[k]);
    impl_->prepare(false);
    ++impl_->changes;
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
    if (for_backward && !impl_->prepared_for_backward) {
        const WriteLock lock(impl_->weights, poll);
        impl_->prepare(true);
    }
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
    const ReadLock lock(impl_->weights, poll);
    run->changes = impl_->changes;
    impl_->stack.forward(x, masks, run->workspace, threads, poll);
    run->can_go_back = for_backward;
    return Run(std::move(run));
}

template <class T>
void Recurrent<T>::step(Index batch, LayerInput<T> x, const T* h_prev, T* h, T* c, Poll& poll) const {
    if (x.tokens) check_tokens("x", 1, batch, x.tokens, impl_->stack.config().input_size);
    const FloatScope scope;
    const ReadLock lock(impl_->weights, poll);
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
    const ReadLock lock(owner.weights, poll);
    if (impl_->changes != owner.changes) throw std::logic_error("backward: the parameters have changed since forward");
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
