#include "rnnfast/loss.hpp"

#include <algorithm>
#include <vector>

#include "core/dispatch.hpp"
#include "core/float_control.hpp"
#include "core/products.hpp"

namespace rnnfast {
namespace {

// body(block, first row, number of rows) for all blocks of rows, some for each thread.
template <class Body>
void share_blocks(Index rows, Index step, Index V, Threads& threads, Poll& poll, Body body) {
    const FloatScope scope;
    threads.run(poll, [&](Index rank, Poll& own) {
        const auto blocks = threads.share((rows + step - 1) / step, 1, rank);
        for (Index block = blocks.begin; block < blocks.end; ++block) {
            own(elementary_work * step * V);
            body(block, block * step, std::min(step, rows - block * step));
        }
    });
}

Index rows_of_block(Index V) { return std::clamp<Index>((Index{1} << 18) / V, 1, 60); }

template <class Block>
void add_blocks(Index rows, Index V, LossSums& sums, Threads& threads, Poll& poll, Block block_sums) {
    const Index step = rows_of_block(V);
    std::vector<LossSums> parts(static_cast<std::size_t>((rows + step - 1) / step));
    share_blocks(rows, step, V, threads, poll, [&](Index block, Index row, Index count) {
        block_sums(row, count, parts[static_cast<std::size_t>(block)]);
    });
    for (const LossSums& part : parts) sums += part;
}

}  // namespace

template <class T>
void cross_entropy_gradient(Index rows, Index V, const std::int32_t* targets, T scale, T* logits, LossSums& sums,
                            Threads& threads, Poll& poll) {
    const auto& k = active_kernels<T>();
    add_blocks(rows, V, sums, threads, poll, [&](Index row, Index count, LossSums& part) {
        k.cross_entropy_gradient(count, V, targets + row, scale, logits + row * V, part);
    });
}

template <class T>
void cross_entropy(Index rows, Index V, const std::int32_t* targets, T* logits, LossSums& sums, Threads& threads,
                   Poll& poll) {
    const auto& k = active_kernels<T>();
    add_blocks(rows, V, sums, threads, poll, [&](Index row, Index count, LossSums& part) {
        k.cross_entropy(count, V, targets + row, logits + row * V, part);
    });
}

template <class T>
void softmax(Index rows, Index V, T* logits, Threads& threads, Poll& poll) {
    const auto& k = active_kernels<T>();
    share_blocks(rows, rows_of_block(V), V, threads, poll,
                 [&](Index, Index row, Index count) { k.softmax(count, V, logits + row * V); });
}

// In 16 partial sums, so that it does not depend on how the compiler vectorises it.
template <class T>
double squared_error_gradient(Index n, const T* targets, T scale, T* predictions, Poll& poll) {
    constexpr Index lanes = 16, block = Index{1} << 16;
    const FloatScope scope;
    double sums[lanes] = {};
    for (Index begin = 0; begin < n; begin += block) {
        poll(elementary_work * block);
        for (Index i = begin; i < std::min(n, begin + block); ++i) {
            const T error = predictions[i] - targets[i];
            sums[i % lanes] += static_cast<double>(error) * static_cast<double>(error);
            predictions[i] = scale * error;
        }
    }
    for (Index half = lanes / 2; half > 0; half /= 2)
        for (Index k = 0; k < half; ++k) sums[k] += sums[k + half];
    return sums[0];
}

template void cross_entropy_gradient(Index, Index, const std::int32_t*, float, float*, LossSums&, Threads&, Poll&);
template void cross_entropy_gradient(Index, Index, const std::int32_t*, double, double*, LossSums&, Threads&, Poll&);
template void cross_entropy(Index, Index, const std::int32_t*, float*, LossSums&, Threads&, Poll&);
template void cross_entropy(Index, Index, const std::int32_t*, double*, LossSums&, Threads&, Poll&);
template void softmax(Index, Index, float*, Threads&, Poll&);
template void softmax(Index, Index, double*, Threads&, Poll&);
template double squared_error_gradient(Index, const float*, float, float*, Poll&);
template double squared_error_gradient(Index, const double*, double, double*, Poll&);

}  // namespace rnnfast
