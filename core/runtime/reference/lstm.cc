#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"
#include "core/runtime/reference/builders.h"
#include "core/runtime/reference/recurrent.h"
#include "core/tflite/recurrent_form.h"

namespace octavo::reference {
namespace {

using Values = std::vector<float>;

struct LstmOptions {
  Activation activation = nullptr;
  // Largest magnitudes; 0: any.
  float cell_clip = 0;
  float projection_clip = 0;
};

float Sigmoid(float value) { return 1 / (1 + std::exp(-value)); }

void Clip(float limit, std::span<float> values) {
  if (!(limit > 0)) return;
  for (float& value : values) value = std::clamp(value, -limit, limit);
}

// To a mean of 0 and a deviation of 1.
void Normalize(std::span<float> values) {
  constexpr float kLeastVariance = 1e-8f;
  const auto count = static_cast<float>(values.size());
  float mean = 0;
  for (const float value : values) mean += value / count;
  float variance = 0;
  for (const float value : values) variance += (value - mean) * (value - mean) / count;
  const float scale = 1 / std::sqrt(variance + kLeastVariance);
  for (float& value : values) value = (value - mean) * scale;
}

// One example at a time, from zeros on.
class Lstm {
 public:
  Lstm(const LstmForm& form, const LstmOptions& options)
      : form_(form), options_(options), cell_(form.cells), state_(form.outputs) {
    for (Values& gate : gates_) gate.resize(form.cells);
  }

  void Run(Inputs inputs, Outputs outputs) {
    const Sequence& rows = form_.input;
    for (int64_t example = 0; example < rows.batch; ++example) {
      std::ranges::fill(cell_, 0.0f);
      std::ranges::fill(state_, 0.0f);
      for (int64_t step = 0; step < rows.steps; ++step) {
        const int64_t row = rows.Row(example, step);
        Step(inputs, In<float>(inputs, 0) + row * rows.depth);
        std::ranges::copy(state_, Out<float>(outputs, 0) + row * form_.outputs);
      }
    }
  }

 private:
  void Step(Inputs inputs, const float* x) {
    const Values& forget = RunGate(inputs, LstmGate::kForget, Sigmoid, x);
    const Values& cell = RunGate(inputs, LstmGate::kCell, options_.activation, x);
    const Values* input =
        form_.has_input_gate ? &RunGate(inputs, LstmGate::kInput, Sigmoid, x) : nullptr;
    for (int64_t i = 0; i < form_.cells; ++i) {
      const float share = input == nullptr ? 1 - forget[i] : (*input)[i];
      cell_[i] = forget[i] * cell_[i] + share * cell[i];
    }
    Clip(options_.cell_clip, cell_);
    // Its peephole sees the new cells.
    Values& output = RunGate(inputs, LstmGate::kOutput, Sigmoid, x);
    for (int64_t i = 0; i < form_.cells; ++i) output[i] *= options_.activation(cell_[i]);
    Project(inputs, output);
  }

  Values& RunGate(Inputs inputs, LstmGate gate, Activation activation, const float* x) {
    const auto at = [&](int first) { return In<float>(inputs, first + static_cast<int>(gate)); };
    // The peepholes of input and forget come first, the output's behind them.
    const int peephole = gate == LstmGate::kOutput ? kLstmPeephole - 1 : kLstmPeephole;
    const bool has_peephole = form_.has_peephole && gate != LstmGate::kCell;
    Values& values = gates_[static_cast<int>(gate)];
    for (int64_t i = 0; i < form_.cells; ++i) {
      float sum = form_.has_norm ? 0 : at(kLstmBias)[i];
      sum += Dot(at(kLstmInputWeights) + i * form_.input.depth, x, form_.input.depth);
      sum += form_.has_diagonal
                 ? at(kLstmRecurrentWeights)[i] * state_[i]
                 : Dot(at(kLstmRecurrentWeights) + i * form_.outputs, state_.data(), form_.outputs);
      if (has_peephole) sum += at(peephole)[i] * cell_[i];
      values[i] = sum;
    }
    if (form_.has_norm) {
      Normalize(values);
      for (int64_t i = 0; i < form_.cells; ++i) {
        values[i] = values[i] * at(kLstmNorm)[i] + at(kLstmBias)[i];
      }
    }
    for (float& value : values) value = activation(value);
    return values;
  }

  void Project(Inputs inputs, const Values& output) {
    if (!form_.has_projection) {
      state_ = output;
      return;
    }
    const float* bias = In<float>(inputs, kLstmProjectionBias);
    for (int64_t i = 0; i < form_.outputs; ++i) {
      state_[i] =
          (bias == nullptr ? 0 : bias[i]) +
          Dot(In<float>(inputs, kLstmProjection) + i * form_.cells, output.data(), form_.cells);
    }
    Clip(options_.projection_clip, state_);
  }

  const LstmForm form_;
  const LstmOptions options_;
  Values gates_[4];  // by LstmGate
  Values cell_;
  Values state_;
};

template <typename Options>
absl::StatusOr<LstmOptions> ReadOptions(const Operands& operands, const Options& options) {
  // LiteRT leaves what was in the place of the activated cells then.
  RETURN_IF_ERROR(
      operands.Require(options.fused_activation_function != schema::ActivationFunctionType_NONE,
                       "no activation of the cells"));
  RETURN_IF_ERROR(
      operands.Require(options.cell_clip >= 0 && options.proj_clip >= 0, "a clip is negative"));
  ASSIGN_OR_RETURN(const Activation activation,
                   ActivationOf(operands, options.fused_activation_function));
  return LstmOptions{activation, options.cell_clip, options.proj_clip};
}

}  // namespace

KernelOr BuildLstm(const Operands& operands) {
  RETURN_IF_ERROR(operands.RequireCounts(1, 24));
  ASSIGN_OR_RETURN(const LstmForm form,
                   RequireForm(operands, ReadLstmForm(operands.model(), operands.op())));
  const auto& options = operands.op().builtin_options;
  const auto* sequence = options.AsUnidirectionalSequenceLSTMOptions();
  ASSIGN_OR_RETURN(const LstmOptions read, sequence == nullptr
                                               ? ReadOptions(operands, *options.AsLSTMOptions())
                                               : ReadOptions(operands, *sequence));
  // What it works with is there while it runs, not while others do.
  return MakeKernel(
      [form, read](Inputs inputs, Outputs outputs) { Lstm(form, read).Run(inputs, outputs); });
}

}  // namespace octavo::reference
