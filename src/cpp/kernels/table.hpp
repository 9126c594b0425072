// THE seam: above it nothing knows which instruction set runs, below it nothing knows Python, shapes' meaning or files.
//
// Every function is noexcept, allocates nothing and checks nothing: callers have checked. Sizes may be zero, but V and
// H. The floating-point control register is the callers' (core/float_control.hpp); kernels never touch it.
#pragma once

#include <cstdint>

#include "rnnfast/index.hpp"
#include "rnnfast/loss_sums.hpp"

namespace rnnfast::kernels {

// What a loop over vectors calls must melt into it: a call would send its vectors through memory.
#define RNNFAST_INLINE inline __attribute__((always_inline))

// The right operand of every product lies in panels of 16 columns (core/panels.hpp), the last one padded with zeros.
constexpr Index panel_columns = 16;

// A number for each panel, affine in its place in its block of four and in the block's number.
struct PanelMap {
    Index within, block;
    constexpr Index operator()(Index panel) const noexcept { return panel % 4 * within + panel / 4 * block; }
};

// C [rows, columns] = S + A B. Each element starts from S and adds its `depth` products in index order, one fused
// multiply-add each. S may be C (accumulate), one row for all (start_row = 0), or null (zero).
template <class T>
struct Gemm {
    Index rows, columns, depth;
    const T* a;  // element (i, k) at a[i * a_row + k * a_depth]
    Index a_row, a_depth;
    const T* b;        // panels of [depth, 16]
    Index panel_size;  // numbers from one panel to the next: 16 * depth, more where the depth is cut
    const T* start;
    Index start_row;
    T* c;
    Index c_row;
    PanelMap column{16, 64};  // a panel's first column, of `columns`: 16 each
    PanelMap place{16, 64};   // where it lies in a row of C and of S
};

// One time step of an LSTM for `rows` sequences and the units of some blocks of 16; kernels/lstm.inl.hpp.
template <class T>
struct LstmStep {
    Index rows, H;
    Index first_block, blocks;   // of 16 units each
    const T* h_prev;             // [rows, H]
    const T* panels;             // R [H, 4H] in panels of 16 columns: i f g o of the first 16 units, of the next ...
    const std::int32_t* tokens;  // [rows]: the step's gates start from bias + table[token] ...
    const T* table;              // [V, 4H]
    const T* bias;               // [4H]
    T* gates;                    // [rows, 4H] ... or, where tokens is null, from what is here; out: activated
    const T* c_prev;             // [rows, H]
    T* c;                        // [rows, H], may be c_prev
    T* h;                        // [rows, H]
    bool backwards;              // the blocks in descending order; no number depends on it
};

// The cell of an LSTM with options, for `rows` sequences; kernels/lstm_options.inl.hpp.
template <class T>
struct LstmCell {
    Index rows, H;
    bool coupled;
    const T* peephole;  // [3H], coupled [2H], or null
};

// Constants of one optimiser step; kernels/optim.inl.hpp has the equations.
template <class T>
struct SgdConstants {
    T rate, weight_decay, momentum;
    bool nesterov;
};
template <class T>
struct RmspropConstants {
    T rate, weight_decay, momentum, alpha, one_minus_alpha, epsilon_inside, epsilon_outside;
};
template <class T>
struct AdamConstants {
    T beta1, one_minus_beta1, beta2, one_minus_beta2, rate, root_correction, epsilon, weight_decay, keep;
};

// One nonlinearity of the basic RNN (kernels/rnn.inl.hpp), over n = N * H numbers.
template <class T>
struct RnnKernels {
    void (*forward)(Index n, T* h) noexcept;  // h: in before activation, out after
    // da: in dL/dh(t) from above, to which dh_next, from the next step, is added; out the gradient before activation
    void (*backward)(Index n, const T* h, const T* dh_next, T* da) noexcept;
};

template <class T>
struct KernelTable {
    const char* name;
    Index lanes;  // numbers in a vector

    // Elementwise over n numbers; out may be x.
    void (*exp)(Index n, const T* x, T* out) noexcept;
    void (*log)(Index n, const T* x, T* out) noexcept;
    void (*sigmoid)(Index n, const T* x, T* out) noexcept;
    void (*tanh)(Index n, const T* x, T* out) noexcept;

    void (*gemm)(const Gemm<T>& product) noexcept;

    // out [rows, columns] = bias + table[token], or bias alone where the token is -1.
    void (*gather)(Index rows, Index columns, const std::int32_t* tokens, const T* table, const T* bias,
                   T* out) noexcept;
    // table[token] += in[row] in `columns` columns of rows `stride` apart in both, rows ascending; -1 is passed over.
    void (*scatter_add)(Index rows, Index columns, Index stride, const std::int32_t* tokens, const T* in,
                        T* table) noexcept;
    // sum [columns] += in[row], rows `stride` apart, ascending.
    void (*add_rows)(Index rows, Index columns, Index stride, const T* in, T* sum) noexcept;
    // sum [columns] += a[row] b[row], rows ascending, one fused multiply-add each.
    void (*add_products)(Index rows, Index columns, const T* a, Index a_stride, const T* b, Index b_stride,
                         T* sum) noexcept;

    RnnKernels<T> rnn_tanh, rnn_relu;

    // GRU cell (kernels/gru.inl.hpp). gates [N, 3H] in the order r z n: before activation, then after it; in backward
    // the gradient before activation comes out. dh [N, H]: in, from the next step; out, dh(t-1) but for products with
    // R. Reset after the recurrent product; u [N, H]: in h_prev R_n + b_Rn; out of backward, its gradient.
    void (*gru_forward)(Index N, Index H, const T* h_prev, const T* u, T* gates, T* h) noexcept;
    void (*gru_backward)(Index N, Index H, const T* h_prev, const T* dh_out, T* gates, T* u, T* dh) noexcept;
    // Reset before it. Forward: r, z and u = r h_prev; the caller adds u R_n to a_n; n and h.
    void (*gru_reset)(Index N, Index H, const T* h_prev, T* gates, T* u) noexcept;
    void (*gru_update)(Index N, Index H, const T* h_prev, T* gates, T* h) noexcept;
    // Backward: da_n, da_z and dh; the caller makes du = da_n R_n^T; da_r and dh.
    void (*gru_update_backward)(Index N, Index H, const T* h_prev, const T* dh_out, T* gates, T* dh) noexcept;
    void (*gru_reset_backward)(Index N, Index H, const T* h_prev, const T* du, T* gates, T* dh) noexcept;

    // LSTM cell (kernels/lstm.inl.hpp).
    void (*lstm_step)(const LstmStep<T>& step) noexcept;
    // gates [N, 4H]: in activated, out the gradient before activation. dc: in dL/dc(t), out dL/dc(t-1).
    // dL/dh(t) = dh_out + dh_next [N, H]: from above and from the next step.
    void (*lstm_backward)(Index N, Index H, const T* c_prev, const T* c, const T* dh_out, const T* dh_next, T* gates,
                          T* dc) noexcept;
    // With options (kernels/lstm_options.inl.hpp); gates [N, 3H or 4H] and dc as there. m [N, H] = o tanh(c); dm its
    // gradient, from above and from the next step.
    void (*lstm_options_forward)(const LstmCell<T>& cell, const T* c_prev, T* gates, T* c, T* m) noexcept;
    void (*lstm_options_backward)(const LstmCell<T>& cell, const T* c_prev, const T* c, const T* dm, T* gates,
                                  T* dc) noexcept;

    // logits [rows, V] become the gradient scale * (softmax - one-hot), rows of target -1 become 0; adds to sums.
    void (*cross_entropy_gradient)(Index rows, Index V, const std::int32_t* targets, T scale, T* logits,
                                   LossSums& sums) noexcept;
    // The same sums alone; logits are destroyed.
    void (*cross_entropy)(Index rows, Index V, const std::int32_t* targets, T* logits, LossSums& sums) noexcept;
    // logits [rows, V] become probabilities.
    void (*softmax)(Index rows, Index V, T* logits) noexcept;
    // logits [rows, V] become logarithms of probabilities; weights [V] is scratch.
    void (*log_softmax)(Index rows, Index V, T* logits, T* weights) noexcept;

    // The token drawn with u in [0, 1) from softmax(logits * inverse_temperature); weights [V] is scratch.
    // -1 where no weight can be formed (a NaN, or no finite maximum): kernels/sampler.inl.hpp says how it draws.
    std::int32_t (*draw)(Index V, const T* logits, T inverse_temperature, T u, T* weights) noexcept;
    // The lowest index of the largest number; -1 where there is a NaN.
    std::int32_t (*argmax)(Index V, const T* x) noexcept;
    // counts [n]: how many of the others are larger. No NaN; n below 2^24.
    void (*count_larger)(Index n, const T* x, T* counts) noexcept;
    // out = x where its bit in `allowed` is set, token j's in word j / 64, else -inf; whether x has no NaN.
    bool (*copy_allowed)(Index V, const T* x, const std::uint64_t* allowed, T* out) noexcept;
    // Of the tokens whose bit is set, x is divided by `repetition`, below 0 multiplied, and `taken` is taken from it.
    void (*penalise)(Index V, const std::uint64_t* occurring, const T* taken, T repetition, T* x) noexcept;
    // Of the x above -inf, of which `most` is the largest: finite. kernels/filters.inl.hpp.
    double (*variance)(Index V, const T* x, T most) noexcept;
    // x becomes -inf where x - most < least.
    void (*keep_at_least)(Index V, T most, T least, T* x) noexcept;

    // Optimisers (kernels/optim.inl.hpp): p by its gradient g, with what they remember. b and rmsprop's m may be null.
    void (*sgd)(Index n, const SgdConstants<T>& constants, const T* g, T* b, T* p) noexcept;
    void (*rmsprop)(Index n, const RmspropConstants<T>& constants, const T* g, T* v, T* m, T* b, T* p) noexcept;
    void (*adam)(Index n, const AdamConstants<T>& constants, const T* g, T* m, T* v, T* p) noexcept;
    // Each number into [-limit, limit].
    void (*clip)(Index n, T limit, T* x) noexcept;
    void (*scale)(Index n, T factor, T* x) noexcept;
    double (*sum_of_squares)(Index n, const T* x) noexcept;
};

// Defined in kernels/isa_*.cpp, one pair a file.
extern const KernelTable<float> scalar_f32, scalar_fma_f32, avx2_f32, avx512_f32, neon_f32;
extern const KernelTable<double> scalar_f64, scalar_fma_f64, avx2_f64, avx512_f64, neon_f64;

}  // namespace rnnfast::kernels
