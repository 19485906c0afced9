// Operators with float activations and int8 weights, by XNNPACK's operators but with our own
// quantization of the input.
//
// XNNPACK 20241108 quantizes with a scale that is once more inverted than in the XNNPACK of LiteRT:
// one unit in the last place, which turns some codes and ends, through a deep net, 0.05 away in its
// probabilities. Its subgraphs take no codes that were quantized outside, its operators do.

#ifndef OCTAVO_CORE_RUNTIME_DYNAMIC_KERNEL_H_
#define OCTAVO_CORE_RUNTIME_DYNAMIC_KERNEL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/model.h"

namespace octavo {

// Null: no such operator, or one that XNNPACK does not have so. RESOURCE_EXHAUSTED: no memory.
absl::StatusOr<std::unique_ptr<Kernel>> NewDynamicKernel(const Model& model,
                                                         const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_DYNAMIC_KERNEL_H_
