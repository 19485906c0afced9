#include "core/evaluate/output_part.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/evaluate/model_runner.h"

namespace octavo {
namespace {

constexpr size_t kMaxParts = 32;
constexpr int kMaxListed = 24;

const schema::TensorT& OutputTensor(const Model& model, int output) {
  return model.tensor(static_cast<TensorIndex>(model.graph().outputs[output]));
}

OutputPart WholeOutput(const Model& model, int output) {
  const std::vector<int64_t> sizes = OutputSizes(model);
  const schema::TensorT& tensor = OutputTensor(model, output);
  OutputPart part{.name = tensor.name, .output = output, .shape = tensor.shape};
  for (int i = 0; i < output; ++i) part.offset += sizes[i];
  part.columns = tensor.shape.empty() ? 1 : tensor.shape.back();
  part.rows = part.columns == 0 ? 0 : sizes[output] / part.columns;
  part.end = part.columns;
  return part;
}

OutputPart Narrowed(OutputPart part, int64_t begin, int64_t end) {
  part.name = absl::StrCat(part.name, "[", begin, ":", end, "]");
  part.begin = begin;
  part.end = end;
  if (!part.shape.empty()) part.shape.back() = static_cast<int32_t>(end - begin);
  return part;
}

struct Range64 {
  int64_t begin = 0;
  int64_t end = 0;
};

// Takes "[4:14]" off the end of `text`; nothing where there is none.
std::optional<Range64> TakeRange(absl::string_view& text) {
  const size_t open = text.rfind('[');
  if (open == absl::string_view::npos || !absl::EndsWith(text, "]")) return std::nullopt;
  const absl::string_view inside = text.substr(open + 1, text.size() - open - 2);
  const size_t colon = inside.find(':');
  Range64 range;
  if (colon == absl::string_view::npos ||
      !absl::SimpleAtoi(inside.substr(0, colon), &range.begin) ||
      !absl::SimpleAtoi(inside.substr(colon + 1), &range.end)) {
    return std::nullopt;
  }
  text = text.substr(0, open);
  return range;
}

std::optional<int> FindOutput(const Model& model, absl::string_view name) {
  const int num_outputs = static_cast<int>(model.graph().outputs.size());
  for (int output = 0; output < num_outputs; ++output) {
    if (OutputTensor(model, output).name == name) return output;
  }
  return name.empty() && num_outputs > 0 ? std::optional<int>(0) : std::nullopt;
}

std::string ListOutputs(const Model& model) {
  const int num_outputs = static_cast<int>(model.graph().outputs.size());
  std::vector<std::string> listed;
  for (int output = 0; output < std::min(num_outputs, kMaxListed); ++output) {
    const schema::TensorT& tensor = OutputTensor(model, output);
    listed.push_back(absl::StrCat("'", tensor.name, "' ", ShapeText(tensor.shape)));
  }
  return absl::StrJoin(listed, ", ");
}

// The lengths along the last axis of what the output is joined from; empty where it is not.
std::vector<int64_t> JoinedLengths(const Model& model, int output) {
  const TensorIndex tensor{model.graph().outputs[output]};
  const auto rank = static_cast<int>(model.tensor(tensor).shape.size());
  for (const auto& op : model.graph().operators) {
    if (OutputOf(*op, 0) != tensor) continue;
    if (model.OperatorType(*op) != schema::BuiltinOperator_CONCATENATION) return {};
    const auto* options = op->builtin_options.AsConcatenationOptions();
    if (options == nullptr || (options->axis != rank - 1 && options->axis != -1)) return {};
    std::vector<int64_t> lengths;
    for (const int32_t input : op->inputs) {
      const Shape& shape = model.tensor(TensorIndex{input}).shape;
      lengths.push_back(shape.empty() ? 0 : shape.back());
    }
    return lengths;
  }
  return {};
}

void AddParts(const Model& model, int output, std::vector<OutputPart>& parts) {
  const OutputPart whole = WholeOutput(model, output);
  const std::vector<int64_t> lengths = JoinedLengths(model, output);
  if (lengths.size() < 2 || parts.size() + lengths.size() > kMaxParts) {
    parts.push_back(whole);
    return;
  }
  int64_t begin = 0;
  for (const int64_t length : lengths) {
    parts.push_back(Narrowed(whole, begin, begin + length));
    begin += length;
  }
}

}  // namespace

std::vector<float> OutputPart::Of(std::span<const float> outputs) const {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(size()));
  for (int64_t row = 0; row < rows; ++row) {
    const auto values_of_row = outputs.subspan(static_cast<size_t>(offset + row * columns + begin),
                                               static_cast<size_t>(width()));
    values.insert(values.end(), values_of_row.begin(), values_of_row.end());
  }
  return values;
}

absl::StatusOr<OutputPart> FindOutputPart(const Model& model, absl::string_view text) {
  if (const std::optional<int> output = FindOutput(model, text)) {
    return WholeOutput(model, *output);
  }
  absl::string_view name = text;
  const std::optional<Range64> range = TakeRange(name);
  const std::optional<int> output = range ? FindOutput(model, name) : std::nullopt;
  if (!output) {
    return absl::InvalidArgumentError(
        absl::StrCat("the model has no output '", text, "'; its outputs: ", ListOutputs(model)));
  }
  const OutputPart whole = WholeOutput(model, *output);
  if (range->begin < 0 || range->end <= range->begin || range->end > whole.columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' does not lie within the ", whole.columns,
                     " places of the last axis of output '", whole.name, "'"));
  }
  return Narrowed(whole, range->begin, range->end);
}

std::vector<OutputPart> NaturalParts(const Model& model) {
  std::vector<OutputPart> parts;
  for (size_t output = 0; output < model.graph().outputs.size() && parts.size() < kMaxParts;
       ++output) {
    AddParts(model, static_cast<int>(output), parts);
  }
  return parts;
}

}  // namespace octavo
