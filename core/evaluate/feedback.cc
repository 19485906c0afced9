#include "core/evaluate/feedback.h"

#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

const schema::TensorT& InputTensor(const Model& model, int input) {
  return model.tensor(static_cast<TensorIndex>(model.graph().inputs[input]));
}

// By its name, by its author's name for it, or, of only one input, by none.
std::optional<int> FindInput(const Model& model, absl::string_view name) {
  const int num_inputs = static_cast<int>(model.graph().inputs.size());
  if (name.empty()) return num_inputs == 1 ? std::optional<int>(0) : std::nullopt;
  for (int input = 0; input < num_inputs; ++input) {
    const absl::string_view full = InputTensor(model, input).name;
    if (full == name ||
        absl::StripSuffix(absl::StripPrefix(full, "serving_default_"), ":0") == name) {
      return input;
    }
  }
  return std::nullopt;
}

std::string ListInputs(const Model& model) {
  constexpr size_t kMaxListed = 24;
  std::vector<std::string> listed;
  for (size_t input = 0; input < std::min(model.graph().inputs.size(), kMaxListed); ++input) {
    const schema::TensorT& tensor = InputTensor(model, static_cast<int>(input));
    listed.push_back(absl::StrCat("'", tensor.name, "' ", ShapeText(tensor.shape)));
  }
  return absl::StrJoin(listed, ", ");
}

absl::Status CheckChannels(const FeedbackPlan& plan) {
  std::set<int32_t> seen;
  for (const int32_t channel : plan.channels) {
    if (channel < 0 || channel >= plan.columns) {
      return absl::InvalidArgumentError(
          absl::StrCat("channel ", channel, " is none of the ", plan.columns, " of the input"));
    }
    if (!seen.insert(channel).second) {
      return absl::InvalidArgumentError(absl::StrCat("channel ", channel, " is there twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const FeedbackPlan& plan, const schema::TensorT& input) {
  const int64_t rows = NumElements(input.shape).value_or(0) / std::max<int64_t>(plan.columns, 1);
  const int64_t wanted = rows * static_cast<int64_t>(plan.channels.size());
  if (plan.from.size() == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("output '", plan.from.name, "' ", ShapeText(plan.from.shape), " has ",
                   plan.from.size(), " values for the ", wanted, " of ", plan.channels.size(),
                   " channels of input '", input.name, "' ", ShapeText(input.shape)));
}

}  // namespace

absl::StatusOr<FeedbackPlan> PlanFeedback(const Model& float_model, const v1::Feedback& feedback) {
  FeedbackPlan plan;
  ASSIGN_OR_RETURN(plan.from, FindOutputPart(float_model, feedback.output()));
  const std::optional<int> place = FindInput(float_model, feedback.input());
  if (!place) {
    return absl::InvalidArgumentError(absl::StrCat(
        feedback.input().empty() ? "an input must be named"
                                 : absl::StrCat("the model has no input '", feedback.input(), "'"),
        "; its inputs: ", ListInputs(float_model)));
  }
  const schema::TensorT& input = InputTensor(float_model, *place);
  if (input.type != schema::TensorType_FLOAT32 || input.shape.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("input '", input.name, "' is ", TypeName(input.type), " ",
                     ShapeText(input.shape), ", which no output can fill"));
  }
  plan.input = *place;
  plan.columns = input.shape.back();
  plan.channels.assign(feedback.channels().begin(), feedback.channels().end());
  if (plan.channels.empty()) {
    plan.channels.resize(static_cast<size_t>(plan.columns));
    std::iota(plan.channels.begin(), plan.channels.end(), 0);
  }
  plan.scale = feedback.has_scale() ? feedback.scale() : 1;
  plan.offset = feedback.offset();
  if (!std::isfinite(plan.scale) || !std::isfinite(plan.offset)) {
    return absl::InvalidArgumentError("scale or offset is not finite");
  }
  RETURN_IF_ERROR(CheckChannels(plan));
  RETURN_IF_ERROR(CheckSizes(plan, input));
  return plan;
}

void Feed(const FeedbackPlan& plan, std::span<const float> outputs, Example& example) {
  const std::vector<float> values = plan.from.Of(outputs);
  const std::span<float> input = example[plan.input].mutable_values<float>();
  const size_t width = plan.channels.size();
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t place = i / width * static_cast<size_t>(plan.columns) +
                         static_cast<size_t>(plan.channels[i % width]);
    input[place] = plan.scale * values[i] + plan.offset;
  }
}

}  // namespace octavo
