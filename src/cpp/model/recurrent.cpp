#include "rnnfast/recurrent.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>

#include "core/check.hpp"
#include "core/float_control.hpp"
#include "layers/recurrent_layer.hpp"
#include "layers/rows.hpp"
#include "model/initialise.hpp"
#include "model/tokens.hpp"
#include "model/weights.hpp"

namespace rnnfast {

// All that a run works in but what is its caller's.
template <class T>
struct Recurrent<T>::Memory {
    Memory(const Stack<T>& stack, Segments segments) : workspace(stack, std::move(segments)) {}

    StackWorkspace<T> workspace;
    Buffer<T> x, dy, dx;
    Buffer<std::int32_t> tokens;
};

template <class T>
struct Recurrent<T>::Impl : Trainable<T>::Weights {
    explicit Impl(Stack<T> layers) : Trainable<T>::Weights(layers.parameters()), stack(std::move(layers)) {}

    void prepare(bool for_backward) override {
        Threads alone;
        stack.prepare(this->parameters.places_in(this->parameters.flat()), for_backward, alone);
    }

    // That of a run which has ended, where there is one: the system clears fresh pages, which takes as long as a small
    // run's arithmetic.
    std::unique_ptr<Memory> take_memory(Segments segments) const {
        std::unique_ptr<Memory> memory;
        {
            const std::lock_guard<std::mutex> lock(spare_mutex);
            memory = std::move(spare);
        }
        if (!memory) return std::make_unique<Memory>(stack, std::move(segments));
        memory->workspace.set_segments(std::move(segments));
        return memory;
    }

    // Large pieces come in huge pages and are cleared quickly: they go back to the system.
    void give_back(std::unique_ptr<Memory> memory) const noexcept {
        constexpr Index most_numbers = Index{1} << 25;
        // About so many a row: gates, states and gradients of each direction of each layer; x, its rows packed, dx.
        const Index each = stack.num_states() * 8 * stack.config().hidden_size + 3 * stack.config().input_size;
        if (memory->workspace.segments().packing().rows() > most_numbers / each) return;
        const std::lock_guard<std::mutex> lock(spare_mutex);
        spare = std::move(memory);
    }

    Stack<T> stack;
    mutable std::mutex spare_mutex;
    mutable std::unique_ptr<Memory> spare;  // reads `stack`
};

template <class T>
struct Recurrent<T>::Run::Impl {
    Impl(std::shared_ptr<const typename Recurrent<T>::Impl> owner_, Segments segments)
        : owner(std::move(owner_)), memory(owner->take_memory(std::move(segments))) {}
    ~Impl() { owner->give_back(std::move(memory)); }

    std::shared_ptr<const typename Recurrent<T>::Impl> owner;
    std::unique_ptr<Memory> memory;
    T *dy_rows = nullptr, *dx_rows = nullptr;  // room for backward, which two threads may try: [rows, ...] in `memory`
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
        std::int32_t* const own = of_size(run->memory->tokens, places);
        std::copy_n(x.tokens, places, own);
        x.tokens = own;
    } else if (keeps_x) {
        T* const own = of_size(run->memory->x, places * config.input_size);
        std::copy_n(x.dense, places * config.input_size, own);
        x.dense = own;
    }
    if (for_backward) {
        const Index rows = run->memory->workspace.segments().packing().rows();
        run->dy_rows = of_size(run->memory->dy, rows * impl_->stack.output_size());
        if (!keeps_x && !x.tokens) run->dx_rows = of_size(run->memory->dx, rows * config.input_size);
    }
    run->memory->workspace.load_state(h, c);
    const ReadLock lock(impl_->mutex, poll);
    run->changes = impl_->changes;
    impl_->stack.forward(x, masks, run->memory->workspace, threads, poll);
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
    return impl_->memory->workspace.segments();
}

template <class T>
void Recurrent<T>::Run::outputs(T* y, Poll& poll) const {
    const Segments& s = segments();
    const Index columns = impl_->owner->stack.output_size();
    if (!s.whole()) std::fill_n(y, s.steps() * s.batch() * columns, T(0));
    Threads alone;
    scatter_rows(s.places(), s.packing().rows(), columns, Rows<const T>{impl_->memory->workspace.outputs(), columns},
                 Rows<T>{y, columns}, alone, poll);
}

template <class T>
void Recurrent<T>::Run::final_state(T* h, T* c) const {
    impl_->memory->workspace.store_state(h, c);
}

template <class T>
void Recurrent<T>::Run::backward(const T* dy, const std::vector<T*>& gradients, T* dx, T* dh, T* dc, Index num_threads,
                                 Poll& poll) {
    const auto& owner = *impl_->owner;
    const Segments& s = segments();
    const Index rows = s.packing().rows(), columns = owner.stack.output_size(), D = owner.stack.config().input_size;
    const FloatScope scope;
    Threads threads(choose_threads(num_threads, 2 * owner.work(rows)));
    const ReadLock lock(owner.mutex, poll);
    owner.expect_no_change_since(impl_->changes);
    if (!impl_->can_go_back.exchange(false))  // what forward left is overwritten from here on
        throw std::logic_error("backward: the workspace has been used already; each forward is for one backward");
    T *const dy_rows = impl_->dy_rows, *const dx_rows = s.whole() ? dx : dx ? impl_->dx_rows : nullptr;
    gather_rows(s.places(), rows, columns, Rows<const T>{dy, columns}, Rows<T>{dy_rows, columns}, threads, poll);
    for (std::size_t k = 0; k < gradients.size(); ++k)
        std::fill_n(gradients[k], owner.stack.parameters()[k].size(), T(0));
    owner.stack.backward(dy_rows, gradients, dx_rows, {dh, dc}, impl_->memory->workspace, threads, poll);
    if (!dx || s.whole()) return;
    std::fill_n(dx, s.steps() * s.batch() * D, T(0));
    if (dx_rows) scatter_rows(s.places(), rows, D, Rows<const T>{dx_rows, D}, Rows<T>{dx, D}, threads, poll);
}

template class Recurrent<float>;
template class Recurrent<double>;

}  // namespace rnnfast
