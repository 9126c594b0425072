// The table of kernels in use.
#pragma once

#include "kernels/table.hpp"

namespace rnnfast {

template <class T>
const kernels::KernelTable<T>& active_kernels();

}  // namespace rnnfast
