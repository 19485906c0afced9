// Own kernels: one operator each, every type of it that the specification knows.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_KERNEL_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_KERNEL_H_

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tflite/model.h"
#include "core/tflite/tensor_value.h"

namespace octavo {

// An operator prepared for its shapes, types and scales. Keeps nothing between runs. Run may be
// called by one thread at a time (it may own scratch memory).
class Kernel {
 public:
  virtual ~Kernel() = default;
  // `inputs` in the operator's order, constants among them; a left-out input has empty bytes.
  // `outputs` point at memory of the right size. Everything was checked when the kernel was made.
  virtual void Run(std::span<const TensorView> inputs, std::span<uint8_t* const> outputs) = 0;
};

// Prepares operator `op` of `model`, which has fixed shapes. Types decide: float32, int8, int16
// activations with int8 weights, float activations with int8 weights (hybrid: activations are
// quantized per batch row, as LiteRT does), int32 and int64 where an operator moves values.
// FAILED_PRECONDITION (OP_UNSUPPORTED), naming the operator and the types.
absl::StatusOr<std::unique_ptr<Kernel>> NewKernel(const Model& model, const schema::OperatorT& op);

// Whether we have a kernel of this operator, for some of its types. XNNPACK runs none that we do
// not.
bool HasKernel(schema::BuiltinOperator type);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_KERNEL_H_
