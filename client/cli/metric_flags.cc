#include "client/cli/metric_flags.h"

#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/cli/flag_text.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

// No input has more channels that anyone would list.
constexpr int kMaxChannels = 65536;

// "OUTPUT=rest": an output's name may have '=', what follows it has none.
struct Named {
  std::string name;
  std::string rest;
};
Named SplitName(absl::string_view text) {
  const size_t equals = text.rfind('=');
  if (equals == absl::string_view::npos) return {"", std::string(text)};
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

// Takes ",KEY=NUMBER" off the end of `text`. False: what stands there is no number.
bool TakeNumber(absl::string_view key, absl::string_view& text, std::optional<float>& value) {
  const std::string mark = absl::StrCat(",", key, "=");
  const size_t place = text.rfind(mark);
  if (place == absl::string_view::npos) return true;
  float number = 0;
  if (!ParseNumber(text.substr(place + mark.size()), &number)) return false;
  value = number;
  text = text.substr(0, place);
  return true;
}

// "3", "0,2" or "0:4".
bool ParseChannels(absl::string_view text, google::protobuf::RepeatedField<int32_t>* channels) {
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, ':');
    int begin = 0, end = 0;
    if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], &begin)) return false;
    end = begin + 1;
    if (ends.size() == 2 && !absl::SimpleAtoi(ends[1], &end)) return false;
    if (begin < 0 || end <= begin || end > kMaxChannels) return false;
    for (int channel = begin; channel < end; ++channel) channels->Add(channel);
  }
  return true;
}

absl::Status ParseSequence(const std::string& text, v1::OptimizeSpec& spec) {
  if (text.empty()) return absl::OkStatus();
  if (!spec.has_recurrence()) return FlagError("--sequence", text, "goes with --recurrent");
  int64_t length = 0;
  if (!absl::SimpleAtoi(text, &length)) {
    spec.mutable_evaluation()->set_sequences(text);
    return absl::OkStatus();
  }
  if (length < 1) return FlagError("--sequence", text, "wanted a length of at least 1");
  spec.mutable_recurrence()->set_sequence_length(length);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::EvaluationSpec> ParseMetric(const std::string& text) {
  static const std::map<std::string, v1::EvaluationKind> kKinds = {
      {"auto", v1::EVALUATION_KIND_UNSPECIFIED},
      {"top1", v1::EVALUATION_KIND_CLASSES},
      {"miou", v1::EVALUATION_KIND_SEGMENTATION},
      {"regression", v1::EVALUATION_KIND_REGRESSION}};
  absl::string_view rest = text;
  std::optional<float> threshold;
  if (!TakeNumber("threshold", rest, threshold)) {
    return FlagError("--metric", text, "wanted a threshold such as 0.5");
  }
  const Named named = SplitName(rest);
  const auto kind = kKinds.find(named.rest);
  if (kind == kKinds.end()) {
    return FlagError("--metric", text, "there are top1, miou, regression and auto");
  }
  v1::EvaluationSpec metric;
  metric.set_kind(kind->second);
  metric.set_output(named.name);
  if (threshold.has_value()) metric.set_threshold(*threshold);
  return metric;
}

absl::StatusOr<v1::Feedback> ParseFeedback(const std::string& text) {
  constexpr absl::string_view kWanted =
      "wanted OUTPUT->INPUT[CHANNELS] such as 'Identity->input[3]'; a name may be left out where "
      "there is only one, and channels where all are fed";
  absl::string_view rest = text;
  std::optional<float> scale, offset;
  if (!TakeNumber("offset", rest, offset) || !TakeNumber("scale", rest, scale)) {
    return FlagError("--recurrent", text, "wanted scale before offset, as ,scale=255,offset=-1");
  }
  const size_t arrow = rest.rfind("->");
  if (arrow == absl::string_view::npos) return FlagError("--recurrent", text, kWanted);
  v1::Feedback feedback;
  feedback.set_output(std::string(rest.substr(0, arrow)));
  absl::string_view input = rest.substr(arrow + 2);
  const size_t open = input.rfind('[');
  if (open != absl::string_view::npos && absl::EndsWith(input, "]")) {
    if (!ParseChannels(input.substr(open + 1, input.size() - open - 2),
                       feedback.mutable_channels())) {
      return FlagError("--recurrent", text, kWanted);
    }
    input = input.substr(0, open);
  }
  feedback.set_input(std::string(input));
  if (scale.has_value()) feedback.set_scale(*scale);
  feedback.set_offset(offset.value_or(0));
  return feedback;
}

void AddMetricFlags(CLI::App& command, MetricFlags& flags) {
  AddRepeated(command, "--targets", flags.targets, "ARRAY",
              "[OUTPUT=]ARRAY of the evaluation set that an output is held against: classes, masks "
              "or real numbers; OUTPUT[4:14] is a part of one; may be repeated");
  AddRepeated(command, "--metric", flags.metrics, "KIND",
              "[OUTPUT=]top1|miou|regression[,threshold=T]: how an output is held against its "
              "targets (default: by their type and shape; T: 0.5)");
  AddRepeated(command, "--recurrent", flags.recurrent, "FEEDBACK",
              "OUTPUT->INPUT[CHANNELS][,scale=S][,offset=O], in quotes: evaluates once more with "
              "S * output + O, as the float model takes it, as the next example's input");
  command
      .add_option("--sequence", flags.sequence,
                  "Of --recurrent: examples a sequence, or the ARRAY of each example's sequence or "
                  "of all lengths (default: all are one)")
      ->type_name("N|ARRAY");
}

absl::Status ParseMetricFlags(const MetricFlags& flags, v1::OptimizeSpec& spec) {
  for (const std::string& text : flags.metrics) {
    ASSIGN_OR_RETURN(*spec.add_metrics(), ParseMetric(text));
  }
  for (const std::string& text : flags.targets) {
    const Named named = SplitName(text);
    if (named.rest.empty()) return FlagError("--targets", text, "names no array");
    v1::TargetBinding& binding = *spec.mutable_evaluation()->add_targets();
    binding.set_output(named.name);
    binding.set_array(named.rest);
  }
  for (const std::string& text : flags.recurrent) {
    ASSIGN_OR_RETURN(*spec.mutable_recurrence()->add_feedbacks(), ParseFeedback(text));
  }
  return ParseSequence(flags.sequence, spec);
}

}  // namespace octavo
