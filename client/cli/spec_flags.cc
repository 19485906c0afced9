#include "client/cli/spec_flags.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/flag_text.h"
#include "core/base/status_macros.h"
#include "core/base/usual_variants.h"

namespace octavo {
namespace {

std::string VariantNames() {
  return absl::StrJoin(UsualVariantTable(), " ",
                       [](std::string* out, const auto& v) { absl::StrAppend(out, v.name); });
}

absl::StatusOr<const UsualVariant*> FindVariant(absl::string_view name) {
  const UsualVariant* variant = FindUsual(name);
  if (variant != nullptr) return variant;
  return FlagError("--variant", name, absl::StrCat("unknown; there are: all ", VariantNames()));
}

// "224x160" or "8x8x3": `count` numbers of at least 1.
absl::StatusOr<std::vector<int>> ParseSizes(absl::string_view flag, absl::string_view text,
                                            size_t at_least, size_t at_most) {
  std::vector<int> sizes;
  for (absl::string_view part : absl::StrSplit(text, 'x')) {
    int size = 0;
    if (!absl::SimpleAtoi(part, &size) || size < 1) {
      return FlagError(flag, text, "wanted sizes such as 224x224");
    }
    sizes.push_back(size);
  }
  if (sizes.size() < at_least || sizes.size() > at_most) {
    return FlagError(flag, text, absl::StrCat("wanted ", at_least, " to ", at_most, " sizes"));
  }
  return sizes;
}

// Preprocess messages by input; a flag without INPUT= is for every input.
class PreprocessFlags {
 public:
  // The message that "INPUT=rest" is for; `text` becomes the rest.
  v1::Preprocess& For(std::string& text) {
    const size_t equals = text.find('=');
    const std::string input = equals == std::string::npos ? "" : text.substr(0, equals);
    if (equals != std::string::npos) text = text.substr(equals + 1);
    by_input_[input].set_input(input);
    return by_input_[input];
  }
  const std::map<std::string, v1::Preprocess>& messages() const { return by_input_; }

 private:
  std::map<std::string, v1::Preprocess> by_input_;
};

absl::Status ParseNumbers(absl::string_view flag, absl::string_view text,
                          google::protobuf::RepeatedField<float>* values) {
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    float value = 0;
    if (!ParseNumber(part, &value)) {
      return FlagError(flag, text, "wanted numbers such as 1/255 or 0.017,0.017,0.017");
    }
    values->Add(value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<v1::Preprocess>> ParsePreprocessFlags(const SpecFlags& flags) {
  PreprocessFlags preprocess;
  for (std::string text : flags.scale) {
    v1::Preprocess& message = preprocess.For(text);
    RETURN_IF_ERROR(ParseNumbers("--scale", text, message.mutable_scale()));
  }
  for (std::string text : flags.offset) {
    v1::Preprocess& message = preprocess.For(text);
    RETURN_IF_ERROR(ParseNumbers("--offset", text, message.mutable_offset()));
  }
  for (std::string text : flags.channels) {
    v1::Preprocess& message = preprocess.For(text);
    if (text != "rgb" && text != "bgr") return FlagError("--channels", text, "wanted rgb or bgr");
    message.set_channel_order(text == "bgr" ? v1::CHANNEL_ORDER_BGR : v1::CHANNEL_ORDER_RGB);
  }
  for (std::string text : flags.resize) {
    v1::Preprocess& message = preprocess.For(text);
    const std::vector<std::string> parts = absl::StrSplit(text, ',');
    ASSIGN_OR_RETURN(const std::vector<int> sizes, ParseSizes("--resize", parts[0], 2, 2));
    message.mutable_resize()->set_height(sizes[0]);
    message.mutable_resize()->set_width(sizes[1]);
    if (parts.size() > 2 ||
        (parts.size() == 2 && parts[1] != "nearest" && parts[1] != "bilinear")) {
      return FlagError("--resize", text, "wanted HxW, or HxW,nearest, or HxW,bilinear");
    }
    message.mutable_resize()->set_method(parts.size() == 2 && parts[1] == "nearest"
                                             ? v1::RESIZE_METHOD_NEAREST
                                             : v1::RESIZE_METHOD_BILINEAR);
  }
  for (std::string text : flags.repeat) {
    v1::Preprocess& message = preprocess.For(text);
    ASSIGN_OR_RETURN(const std::vector<int> sizes, ParseSizes("--repeat", text, 2, 3));
    message.mutable_repeat()->set_height(sizes[0]);
    message.mutable_repeat()->set_width(sizes[1]);
    if (sizes.size() == 3) message.mutable_repeat()->set_channels(sizes[2]);
  }
  std::vector<v1::Preprocess> messages;
  for (const auto& [input, message] : preprocess.messages()) messages.push_back(message);
  return messages;
}

namespace {

absl::StatusOr<v1::ObserverKind> ParseObserver(const std::string& name) {
  static const std::map<std::string, v1::ObserverKind> kObservers = {
      {"", v1::OBSERVER_KIND_UNSPECIFIED},
      {"min-max", v1::OBSERVER_KIND_MIN_MAX},
      {"moving-average", v1::OBSERVER_KIND_MOVING_AVERAGE},
      {"percentile", v1::OBSERVER_KIND_PERCENTILE},
      {"mse", v1::OBSERVER_KIND_MEAN_SQUARED_ERROR},
      {"entropy", v1::OBSERVER_KIND_ENTROPY},
      {"auto", v1::OBSERVER_KIND_AUTO}};
  const auto found = kObservers.find(name);
  if (found != kObservers.end()) return found->second;
  return FlagError("--observer", name,
                   "there are min-max, moving-average, percentile, mse, entropy and auto");
}

absl::StatusOr<v1::Backend> ParseBackend(const std::string& name) {
  static const std::map<std::string, v1::Backend> kBackends = {{"", v1::BACKEND_UNSPECIFIED},
                                                               {"xnnpack", v1::BACKEND_XNNPACK},
                                                               {"reference", v1::BACKEND_REFERENCE},
                                                               {"both", v1::BACKEND_BOTH}};
  const auto found = kBackends.find(name);
  if (found != kBackends.end()) return found->second;
  return FlagError("--backend", name, "there are xnnpack, reference and both");
}

void AddOverrides(const std::vector<std::string>& patterns,
                  v1::OperatorOverride::Precision precision, v1::VariantSpec& variant) {
  for (const std::string& pattern : patterns) {
    v1::OperatorOverride& one = *variant.add_overrides();
    one.set_pattern(pattern);
    one.set_precision(precision);
  }
}

}  // namespace

absl::StatusOr<v1::Goals> ParseGoals(const std::string& text) {
  struct Goal {
    absl::string_view name;
    absl::string_view unit;  // may be left out; no other is taken
    void (v1::Goals::*set)(double value);
  };
  constexpr Goal kGoals[] = {{"drop", "%", &v1::Goals::set_max_drop_points},
                             {"size", "x", &v1::Goals::set_max_size_ratio},
                             {"latency", "x", &v1::Goals::set_max_latency_ratio}};
  v1::Goals goals;
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const std::vector<absl::string_view> sides = absl::StrSplit(part, "<=");
    const auto goal = std::ranges::find(kGoals, sides[0], &Goal::name);
    if (sides.size() == 2 && goal == std::end(kGoals)) {
      return FlagError("--goal", part, "there are goals for drop, size and latency");
    }
    double value = 0;
    if (sides.size() != 2 || !absl::SimpleAtod(absl::StripSuffix(sides[1], goal->unit), &value) ||
        !(value >= 0)) {
      return FlagError("--goal", part,
                       "wanted goals such as drop<=0.5,size<=0.3x,latency<=0.8x: drop in "
                       "percentage points, size and latency as a share of float32's");
    }
    (goals.*goal->set)(value);
  }
  return goals;
}

void AddPreprocessFlags(CLI::App& command, SpecFlags& flags) {
  AddRepeated(command, "--scale", flags.scale, "S",
              "[INPUT=]S[,S…]: value = S * x + O, one S or one a channel, as 1/255");
  AddRepeated(command, "--offset", flags.offset, "O", "[INPUT=]O[,O…]: see --scale");
  AddRepeated(command, "--channels", flags.channels, "ORDER",
              "[INPUT=]rgb|bgr: the order that the model wants, of RGB data");
  AddRepeated(command, "--resize", flags.resize, "HxW", "[INPUT=]HxW[,nearest|bilinear]");
  AddRepeated(command, "--repeat", flags.repeat, "HxW[xC]",
              "[INPUT=]HxW[xC]: each pixel so many times, and into C channels");
}

void AddSpecFlags(CLI::App& command, SpecFlags& flags) {
  AddRepeated(command, "--variant", flags.variants, "NAME",
              absl::StrCat("all, or one of ", VariantNames(),
                           "; may be repeated (default: all); one that is named beside all must "
                           "succeed"));
  command
      .add_option("--goal", flags.goal,
                  "What a variant must hold to, in quotes: "
                  "\"drop<=0.5,size<=0.3x,latency<=0.8x\"")
      ->type_name("GOALS");
  AddPreprocessFlags(command, flags);
  AddRepeated(command, "--keep-float", flags.keep_float, "REGEX",
              "Operators stay float where a part of their output's name, or the whole of their "
              "type, matches: \"dense_1|SOFTMAX\"; may be repeated");
  AddRepeated(command, "--keep-int16", flags.keep_int16, "REGEX",
              "The same, for int16 activations in an int8 variant");
  command
      .add_option("--min-weights", flags.min_weights,
                  "Weights of fewer elements stay float in weight-only and dynamic variants "
                  "(default: 256 and 1024; 1: none stay)")
      ->check(CLI::PositiveNumber);
  AddMetricFlags(command, flags.metric);
  command
      .add_option("--batch", flags.batch,
                  "Fix the batch size of what is written (default: as the model has it)")
      ->check(CLI::Range(1, 65536));
  command
      .add_option(
          "--observer", flags.observer,
          "How calibration chooses ranges: min-max, moving-average, percentile, mse, "
          "entropy, or auto: what serves best on a fifth that is held back (default: min-max)")
      ->type_name("NAME");
  command
      .add_option("--backend", flags.backend,
                  "What runs the variants while they are evaluated: xnnpack, reference (own plain "
                  "kernels, slow), or both, and where they differ (default: xnnpack)")
      ->type_name("NAME");
  command
      .add_option("--calibrate-examples", flags.calibrate_examples,
                  "Only the first N (default: 512)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--evaluate-examples", flags.evaluate_examples, "Only the first N (default: all)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--threads", flags.threads,
                  "Of the engine; no result depends on it (default: all processors)")
      ->check(CLI::Range(1, 256));
  command
      .add_option("--benchmark-runs", flags.benchmark_runs,
                  "Timed runs of each variant (default: as many as fit in 2 s, 5 to 200)")
      ->check(CLI::Range(1, 100000));
  command.add_flag("--no-benchmark", flags.no_benchmark, "Measure neither latency nor memory");
  command.add_flag("--convert-only", flags.convert_only, "Make the variants and measure nothing");
}

absl::StatusOr<v1::OptimizeSpec> ParseSpecFlags(const SpecFlags& flags) {
  v1::OptimizeSpec spec;
  for (const std::string& name : flags.variants) {
    if (name == "all") {
      spec.set_all_variants(true);
      continue;
    }
    ASSIGN_OR_RETURN(const UsualVariant* variant, FindVariant(name));
    v1::VariantSpec& added = *spec.add_variants();
    added.set_name(name);
    added.set_scheme(variant->scheme);
    added.set_io_type(variant->io_type);
    added.set_min_weights(flags.min_weights);
    AddOverrides(flags.keep_int16, v1::OperatorOverride::PRECISION_INT16X8, added);
    AddOverrides(flags.keep_float, v1::OperatorOverride::PRECISION_FLOAT32, added);
  }
  if (flags.variants.empty()) spec.set_all_variants(true);
  const bool is_plain =
      flags.keep_float.empty() && flags.keep_int16.empty() && flags.min_weights == 0;
  if (spec.all_variants() && !is_plain) {
    return absl::InvalidArgumentError(
        "--keep-float, --keep-int16 and --min-weights go with variants that are named");
  }
  if (!flags.goal.empty()) {
    ASSIGN_OR_RETURN(*spec.mutable_goals(), ParseGoals(flags.goal));
  }
  ASSIGN_OR_RETURN(const v1::ObserverKind observer, ParseObserver(flags.observer));
  spec.set_observer(observer);
  ASSIGN_OR_RETURN(const v1::Backend backend, ParseBackend(flags.backend));
  spec.set_backend(backend);
  spec.set_batch(flags.batch);
  ASSIGN_OR_RETURN(const auto preprocess, ParsePreprocessFlags(flags));
  for (const v1::Preprocess& message : preprocess) *spec.add_preprocess() = message;
  RETURN_IF_ERROR(ParseMetricFlags(flags.metric, spec));
  spec.set_num_threads(flags.threads);
  spec.mutable_benchmark()->set_runs(flags.benchmark_runs);
  spec.mutable_benchmark()->set_skip(flags.no_benchmark || flags.convert_only);
  spec.set_skip_evaluation(flags.convert_only);
  return spec;
}

}  // namespace octavo
