// A plan: everything that quantization will do to a model, decided and not yet done.

#ifndef OCTAVO_CORE_QUANTIZE_QUANT_PLAN_H_
#define OCTAVO_CORE_QUANTIZE_QUANT_PLAN_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/quantize/quant_params.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What becomes of one use of a tensor: input `position` of operator `op`.
struct Use {
  int op = 0;
  int position = 0;
  auto operator<=>(const Use&) const = default;
};

// A constant stored anew. One constant may have several, one a kind of use.
struct PlannedConstant {
  schema::TensorType type = schema::TensorType_INT8;
  QuantParams params;  // none for float16
  // Float operator behind it: the constant goes through a DEQUANTIZE of its own (float16,
  // weight-only).
  bool dequantize = false;
};

// What is done to an operator, and why, in a reader's words: "int8 per channel"; "float: no int8
// form".
struct OperatorDecision {
  bool quantized = false;
  int version = 1;
  std::string note;
  // Of static schemes: the integers that its activations are, or are to be.
  schema::TensorType activation_type = schema::TensorType_FLOAT32;
};

// An activation in one of its integer types.
struct IntegerForm {
  TensorIndex tensor = kNoTensor;
  schema::TensorType type = schema::TensorType_INT8;
  auto operator<=>(const IntegerForm&) const = default;
};

struct QuantPlan {
  v1::VariantSpec spec;
  // The parameters of activations that become integers, of two types where operators of both touch
  // one. The others stay as they are. Where an operator needs another form of a tensor, ApplyPlan
  // puts a QUANTIZE or DEQUANTIZE between, shared by all such uses.
  std::map<IntegerForm, QuantParams> activations;
  // Constant inputs by their uses; uses that are not listed keep the constant as it is.
  std::map<Use, PlannedConstant> constants;
  // Uses that want an activation requantized to other parameters first (CONCATENATION's inputs).
  std::map<Use, QuantParams> requantize;
  // One for each operator of the model.
  std::vector<OperatorDecision> operators;
  // Types at the model's border, where they were float.
  schema::TensorType io_type = schema::TensorType_FLOAT32;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_QUANT_PLAN_H_
