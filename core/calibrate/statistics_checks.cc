#include "core/calibrate/statistics_checks.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/tflite/operator_table.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

constexpr int64_t kFewExamples = 50;
// Pixels that nobody scaled reach far above 1; scaled ones stay near it.
constexpr float kLooksLikePixels = 64;
constexpr float kLooksScaled = 4;

v1::Warning Warn(const char* reason, std::string message) {
  v1::Warning warning;
  warning.set_reason(reason);
  warning.set_message(std::move(message));
  return warning;
}

std::string Name(const Model& model, TensorIndex tensor) {
  return absl::StrCat("'", ShortName(model.TensorName(tensor)), "'");
}

std::string Text(const Range& range) {
  return absl::StrFormat("%.4g to %.4g", range.min, range.max);
}

// The operators that read a tensor.
std::vector<const schema::OperatorT*> ReadersOf(const Model& model, TensorIndex tensor) {
  std::vector<const schema::OperatorT*> readers;
  for (const auto& op : model.graph().operators) {
    if (std::ranges::find(op->inputs, static_cast<int32_t>(tensor)) != op->inputs.end()) {
      readers.push_back(op.get());
    }
  }
  return readers;
}

bool OnlyMoves(const Model& model, const schema::OperatorT& op) {
  const OperatorRow* row = FindOperator(model.OperatorType(op));
  return row != nullptr && row->output_scale == OutputScale::kAsInput;
}

// The factor by which a model scales its input at once: of a MUL or DIV by one constant, behind
// operators that only move values. 1: there is none.
float ScaleOfInput(const Model& model, TensorIndex tensor) {
  constexpr int kMostMoves = 4;
  for (int move = 0; move <= kMostMoves; ++move) {
    const auto readers = ReadersOf(model, tensor);
    if (readers.size() != 1) return 1;
    const schema::OperatorT& op = *readers[0];
    const schema::BuiltinOperator type = model.OperatorType(op);
    if (type == schema::BuiltinOperator_MUL || type == schema::BuiltinOperator_DIV) {
      for (const int32_t input : op.inputs) {
        const TensorIndex constant{input};
        if (constant == kNoTensor || model.tensor(constant).type != schema::TensorType_FLOAT32) {
          continue;
        }
        const std::span<const float> values = model.ConstantValues<float>(constant);
        if (values.empty() || values[0] == 0) continue;
        return type == schema::BuiltinOperator_MUL ? values[0] : 1 / values[0];
      }
      return 1;
    }
    // A subtraction or addition of a constant before it changes no scale.
    const bool shifts = type == schema::BuiltinOperator_SUB || type == schema::BuiltinOperator_ADD;
    if (!shifts && !OnlyMoves(model, op)) return 1;
    tensor = OutputOf(op, 0);
  }
  return 1;
}

void CheckInput(const Model& model, TensorIndex input, const Range& seen,
                std::vector<v1::Warning>& warnings) {
  if (seen.min == seen.max) {
    warnings.push_back(Warn("CONSTANT_INPUT",
                            absl::StrCat("Input ", Name(model, input), " is ", seen.min,
                                         " in every calibration example: nothing is learnt of what "
                                         "depends on it.")));
    return;
  }
  const float scale = std::abs(ScaleOfInput(model, input));
  const float largest = std::max(std::abs(seen.min), std::abs(seen.max));
  if (largest >= kLooksLikePixels && scale > 0.5f) {
    warnings.push_back(Warn(
        "INPUT_RANGE",
        absl::StrCat("Input ", Name(model, input), " goes from ", Text(seen),
                     " and nothing in the model scales it: if it was trained on pixels of 0 to 1, "
                     "give --scale 1/255 (of -1 to 1: --scale 1/127.5 --offset=-1).")));
  } else if (largest <= kLooksScaled && scale < 0.02f) {
    warnings.push_back(
        Warn("INPUT_RANGE",
             absl::StrCat("Input ", Name(model, input), " goes from ", Text(seen),
                          " and the model itself scales it by ", absl::StrFormat("%.4g", scale),
                          ": it expects pixels as they are, of 0 to 255; leave --scale out.")));
  }
}

// Channels along `axis` without a value that is not 0.
int64_t CountDead(std::span<const float> values, std::span<const int32_t> shape, int axis) {
  int64_t inner = 1;
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= shape[i];
  const int64_t channels = shape[axis];
  std::vector<bool> is_alive(channels, false);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) is_alive[static_cast<int64_t>(i) / inner % channels] = true;
  }
  return std::ranges::count(is_alive, false);
}

}  // namespace

std::vector<v1::Warning> CheckStatistics(const Model& model,
                                         const CalibrationStatistics& statistics,
                                         int64_t num_examples) {
  std::vector<v1::Warning> warnings;
  if (num_examples < kFewExamples) {
    warnings.push_back(
        Warn("FEW_EXAMPLES",
             absl::StrCat(num_examples,
                          num_examples == 1 ? " example calibrates" : " examples calibrate",
                          ": ranges hang on single ones; take 100 and more.")));
  }
  for (const int32_t index : model.graph().inputs) {
    const auto seen = statistics.find(TensorIndex{index});
    if (seen != statistics.end()) {
      CheckInput(model, seen->first, seen->second.min_max, warnings);
    }
  }
  std::vector<std::string> dead;
  for (const auto& [tensor, seen] : statistics) {
    const bool is_input = std::ranges::find(model.graph().inputs, static_cast<int32_t>(tensor)) !=
                          model.graph().inputs.end();
    if (!is_input && seen.min_max == Range{0, 0}) dead.push_back(Name(model, tensor));
  }
  if (!dead.empty()) {
    warnings.push_back(
        Warn("DEAD_ACTIVATIONS",
             absl::StrCat(dead.size(), dead.size() == 1 ? " tensor is" : " tensors are",
                          " 0 on every calibration example, ", dead.front(),
                          dead.size() == 1 ? "" : " first", ": look at the preprocessing.")));
  }
  return warnings;
}

std::vector<v1::Warning> CheckWeights(const Model& model) {
  int64_t dead = 0;
  int64_t most = 0;
  std::string where;
  for (const auto& op : model.graph().operators) {
    const OperatorRow* row = FindOperator(model.OperatorType(*op));
    if (row == nullptr || row->weights_input < 0) continue;
    const TensorIndex weights = InputOf(*op, row->weights_input);
    if (weights == kNoTensor || model.tensor(weights).type != schema::TensorType_FLOAT32 ||
        !model.IsConstant(weights) ||
        static_cast<int>(model.tensor(weights).shape.size()) <= row->weights_axis) {
      continue;
    }
    const int64_t count = CountDead(model.ConstantValues<float>(weights),
                                    model.tensor(weights).shape, row->weights_axis);
    dead += count;
    if (count > most) {
      most = count;
      where = Name(model, OutputOf(*op, 0));
    }
  }
  if (dead == 0) return {};
  return {Warn("DEAD_CHANNELS",
               absl::StrCat(dead, dead == 1 ? " channel" : " channels",
                            " of weights are all 0, most of them (", most, ") in the operator of ",
                            where, ": they cost bytes and time and give nothing."))};
}

}  // namespace octavo
