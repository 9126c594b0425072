// rnnfast's kernels on data that lies ready, without what is around them: what the layers can hope for.
#pragma once

#include <vector>

#include "core/products.hpp"
#include "rnnfast/buffer.hpp"

namespace rnnfast::limits {

/// C [rows, columns] = A B, `times` times; A is [rows, depth], or [depth, rows] where `transposed`.
struct ProductShape {
    Index rows, columns, depth, transposed, times;
};

/// Products in order, each with operands of its own, B packed beforehand.
class Products {
public:
    Products(Index count, const ProductShape* shapes);

    void run(Index rounds);

private:
    struct Operands {
        ProductShape shape;
        Buffer<float> a, b, c;
    };
    std::vector<Operands> operands_;
};

/// The LSTM cell's elementwise part over [batch, hidden].
void run_gates(Index batch, Index hidden, Index rounds);

/// A draw for each row of logits [rows, V].
void run_draws(Index rows, Index V, Index rounds);

}  // namespace rnnfast::limits
