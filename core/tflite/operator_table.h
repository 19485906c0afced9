// What is known of each operator: data only, one row each. Of those without a row a few are carried
// as they are and not run; a model with any other is refused (FAILED_PRECONDITION, OP_UNSUPPORTED).
// Source of the
// quantization rules: the TFLite 8-bit specification.

#ifndef OCTAVO_CORE_TFLITE_OPERATOR_TABLE_H_
#define OCTAVO_CORE_TFLITE_OPERATOR_TABLE_H_

#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"
#include "core/tflite/schema_types.h"

namespace octavo {

// Where the scale and zero point of a quantized operator's outputs come from.
enum class OutputScale {
  kFree,        // from the output's own range
  kAsInput,     // those of the first activation input: POOL, RESHAPE, ...
  kAllTheSame,  // all activation inputs and outputs share one: CONCATENATION
  kFixed,       // the row's fixed parameters: SOFTMAX
  kNone,        // the outputs are no quantized values: ARG_MAX, SHAPE
};

struct FixedParams {
  float scale = 0;  // 0: there is none, no such form
  int32_t zero_point = 0;
};

struct OperatorRow {
  schema::BuiltinOperator type;
  absl::string_view name;

  // How many inputs and outputs there may be; the largest int: any number. Behind `min_inputs`, an
  // input may also be left out with -1.
  int min_inputs = 1;
  int max_inputs = 1;
  int max_outputs = 1;
  // The options' type. Where they are required, a model that was read has them; elsewhere they may
  // be absent.
  schema::BuiltinOptions options = schema::BuiltinOptions_NONE;
  bool options_required = false;

  // Which inputs are activations, as a bit mask of input positions; kAllInputs: every one. The
  // others (shapes, axes, weights, biases) are not quantized as activations.
  uint32_t activation_inputs = 1;
  int weights_input = -1;  // position of the weights, -1: none
  int weights_axis = 0;    // quantized_dimension of per-channel weights
  // Whether 4 bits serve its weights. LiteRT refuses to run other operators with such weights and
  // float activations; behind a DEQUANTIZE it would, but they lose most by it
  // (docs/decisions/0010-weights-of-four-bits.md).
  bool takes_int4 = false;
  int bias_input = -1;  // position of the bias, -1: none
  // Which inputs are the operator's own state, as a bit mask: variable tensors, which are zeros
  // when a run begins and which nobody else reads or writes.
  uint32_t state_inputs = 0;
  bool IsState(int position) const { return position < 32 && (state_inputs >> position & 1) != 0; }

  OutputScale output_scale = OutputScale::kFree;
  FixedParams fixed_int8{};
  FixedParams fixed_int16{};

  // Version to write for each form; 0: the operator has no such form. Options may ask for more than
  // the form does (half-pixel centres, a fused activation): write the larger of this and the
  // operator's version as it was read.
  int float_version = 1;
  int int8_version = 0;
  int int16_version = 0;
  int dynamic_version = 0;             // hybrid, weights per channel
  int dynamic_per_tensor_version = 0;  // hybrid, weights per tensor
  int newest_version = 1;              // the newest that is read

  bool has_fused_activation = false;
  // A hybrid form exists and XNNPACK or our own kernels run it.
  bool has_dynamic() const { return dynamic_version != 0; }
};

inline constexpr uint32_t kAllInputs = 0xffffffff;

// In the order of the builtin operators' numbers.
std::span<const OperatorRow> OperatorTable();

// Null where there is no row.
const OperatorRow* FindOperator(schema::BuiltinOperator type);

// Operators without a row that a model may hold all the same: they stay as they are in every
// variant, and nothing here runs them.
std::span<const schema::BuiltinOperator> CarriedOperators();

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_OPERATOR_TABLE_H_
