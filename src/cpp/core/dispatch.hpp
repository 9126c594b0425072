// The table of kernels in use.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast {

/// Fetch it once at the start of an outer call and pass it down: the choice may change between two calls.
template <class T>
const kernels::KernelTable<T>& active_kernels();

}  // namespace rnnfast
