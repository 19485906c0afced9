#include "server/api/spec_check.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/api/field_checks.h"

namespace octavo {
namespace {

constexpr int kMaxVariants = 32;
constexpr size_t kMaxVariantNameBytes = 64;
constexpr int kMaxNamesOfTensors = 10'000;
constexpr size_t kMaxTensorNameBytes = 1024;
constexpr int kMaxInputs = 256;
constexpr int kMaxChannels = 4096;
constexpr int kMaxPixels = 8192;
constexpr int kMaxRuns = 10'000;
constexpr int kMaxBenchmarkMs = 600'000;
constexpr int kMaxThreads = 256;

struct UsualVariant {
  const char* name;
  v1::Scheme scheme;
  v1::IoType io_type;
  bool needs_calibration;
  const char* description;
};
constexpr UsualVariant kUsualVariants[] = {
    {"float32", v1::SCHEME_FLOAT32, v1::IO_TYPE_FLOAT32, false,
     "the model as it came, the baseline of every comparison"},
    {"float16", v1::SCHEME_FLOAT16, v1::IO_TYPE_FLOAT32, false,
     "constants in float16, arithmetic in float32"},
    {"dynamic-int8", v1::SCHEME_DYNAMIC_INT8, v1::IO_TYPE_FLOAT32, false,
     "weights in int8 per channel, activations quantized while running"},
    {"int8", v1::SCHEME_INT8, v1::IO_TYPE_FLOAT32, true,
     "weights and activations in int8, float inputs and outputs"},
    {"int8-int8io", v1::SCHEME_INT8, v1::IO_TYPE_INT8, true,
     "weights and activations in int8, int8 inputs and outputs"},
    {"int8-uint8io", v1::SCHEME_INT8, v1::IO_TYPE_UINT8, true,
     "weights and activations in int8, uint8 inputs and outputs"},
    {"int16x8", v1::SCHEME_INT16X8, v1::IO_TYPE_FLOAT32, true,
     "weights in int8, activations in int16, float inputs and outputs"},
};

const UsualVariant* FindUsual(const v1::VariantSpec& variant) {
  const v1::IoType io_type =
      variant.io_type() == v1::IO_TYPE_UNSPECIFIED ? v1::IO_TYPE_FLOAT32 : variant.io_type();
  for (const UsualVariant& usual : kUsualVariants) {
    if (usual.scheme == variant.scheme() && usual.io_type == io_type) return &usual;
  }
  return nullptr;
}

std::string Item(absl::string_view field, int index) {
  return absl::StrCat(field, "[", index, "]");
}

bool IsVariantName(absl::string_view name) {
  // A file is named for it: no leading dot.
  return name.size() <= kMaxVariantNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
         });
}

bool IsTensorName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxTensorNameBytes;
}

void CheckVariant(const std::string& field, const v1::VariantSpec& variant, FieldErrors& errors) {
  if (!v1::Scheme_IsValid(variant.scheme()) || variant.scheme() == v1::SCHEME_UNSPECIFIED) {
    return errors.Add(field + ".scheme", "is none of the schemes");
  }
  if (FindUsual(variant) == nullptr) {
    return errors.Add(field + ".io_type", "is no I/O type of this scheme");
  }
  errors.Check(variant.name().empty() || IsVariantName(variant.name()), field + ".name",
               absl::StrCat("is not made of at most ", kMaxVariantNameBytes,
                            " letters, digits, '-', '_' and '.'"));
  errors.Check(variant.keep_float_tensors_size() <= kMaxNamesOfTensors &&
                   std::all_of(variant.keep_float_tensors().begin(),
                               variant.keep_float_tensors().end(), IsTensorName),
               field + ".keep_float_tensors", "has too many or too long names");
}

void CheckVariants(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  errors.Check(spec.all_variants() || spec.variants_size() > 0, "spec.variants",
               "names none, and all_variants is not set");
  errors.Check(spec.variants_size() <= kMaxVariants, "spec.variants",
               absl::StrCat("has ", spec.variants_size(), " variants, at most ", kMaxVariants,
                            " are taken"));
  std::set<std::string> names;
  for (int i = 0; i < std::min(spec.variants_size(), kMaxVariants); ++i) {
    const std::string field = Item("spec.variants", i);
    CheckVariant(field, spec.variants(i), errors);
    const std::string name = VariantName(spec.variants(i));
    errors.Check(name.empty() || names.insert(name).second, field + ".name",
                 "is the name of another variant");
    const UsualVariant* usual = FindUsual(spec.variants(i));
    errors.Check(usual == nullptr || !usual->needs_calibration || spec.has_calibration(),
                 "spec.calibration", absl::StrCat("is needed by variant ", name));
  }
}

void CheckDatasetUse(const std::string& field, const v1::DatasetUse& use, FieldErrors& errors) {
  CheckName(field + ".dataset", use.dataset(), "datasets", errors);
  errors.Check(use.max_examples() >= 0, field + ".max_examples", "is negative");
  errors.Check(use.labels().size() <= kMaxTensorNameBytes, field + ".labels", "is too long");
  errors.Check(use.bindings_size() <= kMaxInputs, field + ".bindings", "has too many entries");
  std::set<std::string> inputs;
  for (int i = 0; i < std::min(use.bindings_size(), kMaxInputs); ++i) {
    const v1::ArrayBinding& binding = use.bindings(i);
    const std::string item = Item(field + ".bindings", i);
    errors.Check(binding.arrays_size() > 0 && binding.arrays_size() <= kMaxInputs, item + ".arrays",
                 "names no array, or too many");
    errors.Check(binding.input().size() <= kMaxTensorNameBytes, item + ".input", "is too long");
    errors.Check(inputs.insert(binding.input()).second, item + ".input",
                 "is the input of another binding");
  }
}

bool AreFinite(const google::protobuf::RepeatedField<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

void CheckPreprocess(const std::string& field, const v1::Preprocess& step, FieldErrors& errors) {
  errors.Check(v1::ChannelOrder_IsValid(step.channel_order()), field + ".channel_order",
               "is none of the orders");
  errors.Check(v1::ResizeMethod_IsValid(step.resize().method()), field + ".resize.method",
               "is none of the methods");
  const bool has_size = step.resize().height() >= 1 && step.resize().height() <= kMaxPixels &&
                        step.resize().width() >= 1 && step.resize().width() <= kMaxPixels;
  errors.Check(!step.has_resize() || has_size, field + ".resize",
               absl::StrCat("is not between 1 and ", kMaxPixels, " pixels"));
  for (int32_t count : {step.repeat().height(), step.repeat().width(), step.repeat().channels()}) {
    errors.Check(count >= 0 && count <= kMaxChannels, field + ".repeat",
                 absl::StrCat("is not between 0 and ", kMaxChannels));
  }
  errors.Check(step.scale_size() <= kMaxChannels && AreFinite(step.scale()), field + ".scale",
               "has too many values, or one that is not finite");
  errors.Check(step.offset_size() <= kMaxChannels && AreFinite(step.offset()), field + ".offset",
               "has too many values, or one that is not finite");
}

void CheckAllPreprocess(const v1::OptimizeSpec& spec, FieldErrors& errors) {
  errors.Check(spec.preprocess_size() <= kMaxInputs, "spec.preprocess", "has too many entries");
  std::set<std::string> inputs;
  for (int i = 0; i < std::min(spec.preprocess_size(), kMaxInputs); ++i) {
    const std::string field = Item("spec.preprocess", i);
    CheckPreprocess(field, spec.preprocess(i), errors);
    errors.Check(inputs.insert(spec.preprocess(i).input()).second, field + ".input",
                 "is the input of another entry");
  }
}

void CheckGoals(const v1::Goals& goals, FieldErrors& errors) {
  errors.Check(!goals.has_max_drop_points() || (std::abs(goals.max_drop_points()) <= 100),
               "spec.goals.max_drop_points", "is not between -100 and 100");
  auto is_ratio = [](double value) { return value > 0 && std::isfinite(value); };
  errors.Check(!goals.has_max_size_ratio() || is_ratio(goals.max_size_ratio()),
               "spec.goals.max_size_ratio", "is not a positive number");
  errors.Check(!goals.has_max_latency_ratio() || is_ratio(goals.max_latency_ratio()),
               "spec.goals.max_latency_ratio", "is not a positive number");
}

void CheckBenchmark(const v1::BenchmarkSpec& benchmark, FieldErrors& errors) {
  auto check = [&](const char* field, int32_t value, int32_t largest) {
    errors.Check(value >= 0 && value <= largest, field,
                 absl::StrCat("is not between 0 and ", largest));
  };
  check("spec.benchmark.warmup_runs", benchmark.warmup_runs(), kMaxRuns);
  check("spec.benchmark.runs", benchmark.runs(), kMaxRuns);
  check("spec.benchmark.max_duration_ms", benchmark.max_duration_ms(), kMaxBenchmarkMs);
}

}  // namespace

std::vector<v1::VariantCapability> KnownVariants() {
  std::vector<v1::VariantCapability> variants;
  for (const UsualVariant& usual : kUsualVariants) {
    v1::VariantCapability& variant = variants.emplace_back();
    variant.mutable_spec()->set_name(usual.name);
    variant.mutable_spec()->set_scheme(usual.scheme);
    variant.mutable_spec()->set_io_type(usual.io_type);
    variant.set_needs_calibration(usual.needs_calibration);
    variant.set_description(usual.description);
  }
  return variants;
}

std::string VariantName(const v1::VariantSpec& variant) {
  if (!variant.name().empty()) return variant.name();
  const UsualVariant* usual = FindUsual(variant);
  return usual == nullptr ? "" : usual->name;
}

absl::Status CheckCreateJob(const v1::CreateJobRequest& request) {
  const v1::OptimizeSpec& spec = request.spec();
  FieldErrors errors;
  CheckText("display_name", request.display_name(), errors);
  CheckText("request_id", request.request_id(), errors);
  CheckLabels("labels", request.labels(), errors);
  CheckName("spec.model", spec.model(), "models", errors);
  CheckVariants(spec, errors);
  if (spec.has_calibration()) CheckDatasetUse("spec.calibration", spec.calibration(), errors);
  if (spec.has_evaluation()) CheckDatasetUse("spec.evaluation", spec.evaluation(), errors);
  CheckAllPreprocess(spec, errors);
  errors.Check(v1::ObserverKind_IsValid(spec.observer()), "spec.observer",
               "is none of the observers");
  CheckBenchmark(spec.benchmark(), errors);
  CheckGoals(spec.goals(), errors);
  errors.Check(spec.num_threads() >= 0 && spec.num_threads() <= kMaxThreads, "spec.num_threads",
               absl::StrCat("is not between 0 and ", kMaxThreads));
  return errors.ToStatus();
}

}  // namespace octavo
