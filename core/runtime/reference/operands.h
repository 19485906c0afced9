// The operands of one operator as its kernel's builder sees them: shapes, types, scales and
// constants, each checked where it is asked for.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_OPERANDS_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_OPERANDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/block_scales.h"
#include "core/tflite/model.h"
#include "core/tflite/tensor_value.h"

namespace octavo::reference {

// real = scale * (quantized - zero_point)
struct TensorScale {
  float scale = 1;
  int32_t zero_point = 0;
};

// Every error of this class is FAILED_PRECONDITION (OP_UNSUPPORTED) and names the operator and the
// types of its operands.
class Operands {
 public:
  // Fails where an operand has an open or impossible shape, is sparse, or has elements of no fixed
  // size. `model` and `op` are kept, and must outlive the result.
  static absl::StatusOr<Operands> Create(const Model& model, const schema::OperatorT& op);

  schema::BuiltinOperator operator_type() const { return model_->OperatorType(*op_); }
  const schema::OperatorT& op() const { return *op_; }
  const Model& model() const { return *model_; }

  int num_inputs() const { return static_cast<int>(op_->inputs.size()); }
  int num_outputs() const { return static_cast<int>(op_->outputs.size()); }
  bool has_input(int position) const { return InputOf(*op_, position) != kNoTensor; }

  // Of an input that is there.
  const Shape& input_shape(int position) const { return input(position).shape; }
  const Shape& output_shape(int position) const { return output(position).shape; }
  schema::TensorType input_type(int position) const { return input(position).type; }
  schema::TensorType output_type(int position) const { return output(position).type; }
  int64_t input_size(int position) const { return *NumElements(input_shape(position)); }
  int64_t output_size(int position) const { return *NumElements(output_shape(position)); }

  // The one scale of a quantized tensor: finite and above 0, with a zero point that its type can
  // hold.
  absl::StatusOr<TensorScale> input_scale(int position) const;
  absl::StatusOr<TensorScale> output_scale(int position) const;
  // One scale for each place along `dimension`; a single scale is repeated. Zero points must be 0.
  // A scale of 0 is allowed: converters write it for channels whose weights are all 0.
  absl::StatusOr<std::vector<float>> channel_scales(int position, int dimension) const;
  // Null: the tensor is not quantized in blocks, or not so that it can be read.
  std::optional<BlockScales> block_scales(int position) const {
    return ReadBlockScales(*model_, InputOf(*op_, position));
  }
  // Scales along the tensor's own quantized dimension, with their zero points, or one.
  struct AxisScales {
    std::vector<TensorScale> scales;
    int dimension = 0;
  };
  absl::StatusOr<AxisScales> axis_scales(bool of_output, int position) const;

  bool is_constant(int position) const {
    return has_input(position) && model_->IsConstant(InputOf(*op_, position));
  }
  // The values of a constant input of the type that T stands for.
  template <typename T>
  absl::StatusOr<std::span<const T>> Constant(int position) const {
    if (absl::Status status = RequireConstant(position); !status.ok()) return status;
    return model_->ConstantValues<T>(InputOf(*op_, position));
  }
  // A constant INT32 or INT64 input as a list of numbers: a shape, an axis, paddings.
  absl::StatusOr<std::vector<int64_t>> ConstantIntegers(int position) const;

  // OK if `holds`; else "CONV_2D (INT8, INT8, INT32 -> INT8): " + `requirement`.
  absl::Status Require(bool holds, absl::string_view requirement) const;
  absl::Status Unsupported(absl::string_view why) const;
  // Between `min_inputs` and `max_inputs` inputs, of which the first `min_inputs` are there, and
  // `outputs` outputs.
  absl::Status RequireCounts(int min_inputs, int max_inputs, int outputs = 1) const;
  absl::Status RequireOutputShape(int position, const Shape& shape) const;
  absl::Status RequireRank(int position, int rank) const;
  // Input and output have one type.
  absl::Status RequireSameType(int input_position, int output_position) const;
  // Places `axis`, which may count from the end, in [0, rank).
  absl::StatusOr<int> ResolveAxis(int64_t axis, int rank) const;

 private:
  Operands(const Model& model, const schema::OperatorT& op) : model_(&model), op_(&op) {}

  const schema::TensorT& input(int position) const {
    return model_->tensor(InputOf(*op_, position));
  }
  const schema::TensorT& output(int position) const {
    return model_->tensor(OutputOf(*op_, position));
  }
  absl::Status CheckTensor(TensorIndex index) const;
  absl::Status RequireConstant(int position) const;
  absl::StatusOr<TensorScale> ScaleOf(const schema::TensorT& tensor) const;
  std::string TypesText() const;

  const Model* model_;
  const schema::OperatorT* op_;
};

// The operator's options, or their defaults where the file leaves them out.
template <typename Options>
Options OptionsOr(const Options* options) {
  return options == nullptr ? Options() : *options;
}

using Inputs = std::span<const TensorView>;
using Outputs = std::span<uint8_t* const>;

template <typename T>
const T* In(Inputs inputs, int position) {
  return reinterpret_cast<const T*>(inputs[position].bytes.data());
}
template <typename T>
T* Out(Outputs outputs, int position) {
  return reinterpret_cast<T*>(outputs[position]);
}

template <typename F>
class FunctionKernel final : public Kernel {
 public:
  explicit FunctionKernel(F run) : run_(std::move(run)) {}
  void Run(Inputs inputs, Outputs outputs) override { run_(inputs, outputs); }

 private:
  F run_;
};

// A kernel that is a function of (Inputs, Outputs); what it captures is what was prepared.
template <typename F>
std::unique_ptr<Kernel> MakeKernel(F run) {
  return std::make_unique<FunctionKernel<F>>(std::move(run));
}

using KernelOr = absl::StatusOr<std::unique_ptr<Kernel>>;

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_OPERANDS_H_
