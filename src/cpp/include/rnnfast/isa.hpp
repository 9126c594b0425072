// Which instruction set the kernels use. Chosen once, at the first call that needs it: the best one that the processor
// and the operating system support, or the one that the environment variable RNNFAST_ISA names.
#pragma once

#include <string>
#include <vector>

namespace rnnfast {

/// Names of all instruction sets that this build knows, worst first.
std::vector<std::string> known_isas();

/// Those of them that this machine can run, worst first. Never empty.
std::vector<std::string> available_isas();

/// The one in use. Throws std::invalid_argument where RNNFAST_ISA names one that is not available.
std::string active_isa();

/// Use another one from now on, in every thread. A call that is running goes on with it too: between those that have
/// fused multiply-add that changes no bit.
/// Throws std::invalid_argument, which lists the valid names, where `name` is not available.
void set_isa(const std::string& name);

}  // namespace rnnfast
