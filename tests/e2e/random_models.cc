// Makes random models, quantizes them, runs them with our executors, and keeps all of it, so that a
// script can hold it against LiteRT.
//
//   random_models operators SEED FIRST COUNT FOLDER    models of one operator: COUNT of each
//   random_models graphs SEED FIRST COUNT FOLDER       COUNT models of up to 12 operators, every
//                                                      other of those that the delegate takes
//
// Case number N depends on SEED and N alone. FOLDER gets `cases.jsonl`, a line a model, and
// `cases.bin`, the bytes that the lines' [offset, size] point to.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/calibrate/calibrate.h"
#include "core/graph/fix_shapes.h"
#include "core/graph/passes.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/plan_quantization.h"
#include "core/quantize/rounding.h"
#include "core/runtime/delegate_parts.h"
#include "core/runtime/executor.h"
#include "core/tflite/model_writer.h"
#include "core/tflite/operator_table.h"
#include "nlohmann/json.hpp"
#include "tests/testing/random_graph.h"

namespace octavo {
namespace {

using nlohmann::json;

constexpr int kMostOperators = 12;
constexpr int kCalibrationExamples = 4;
constexpr float kLargestValue = 1e4f;

class ExampleList : public Dataset {
 public:
  explicit ExampleList(std::vector<Example> examples) : examples_(std::move(examples)) {}
  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  absl::StatusOr<Example> Get(int64_t index) const override { return examples_[index]; }
  const std::vector<int64_t>& labels() const override { return labels_; }
  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    return absl::StrCat(index);
  }

 private:
  std::vector<Example> examples_;
  std::vector<int64_t> labels_;
};

// What is compared of a model: a variant, and the column of the operator table that says which
// operators have it.
struct Form {
  const char* variant;
  int OperatorRow::* version;
};
constexpr Form kFloat32 = {"float32", &OperatorRow::float_version};
constexpr Form kOperatorForms[] = {kFloat32,
                                   {"int8-int8io", &OperatorRow::int8_version},
                                   {"int16x8-int16io", &OperatorRow::int16_version},
                                   {"dynamic-int8", &OperatorRow::dynamic_version}};
// Of the operators that only quantized models have.
constexpr Form kConversionForms[] = {
    {"int8", nullptr}, {"int8-uint8io", nullptr}, {"int16x8", nullptr}};
constexpr Form kGraphForms[] = {kFloat32,
                                {"int8-int8io", nullptr},
                                {"int8", nullptr},
                                {"int16x8", nullptr},
                                {"dynamic-int8", nullptr}};

// Where the bytes go.
class CaseFile {
 public:
  explicit CaseFile(const std::string& folder)
      : lines_(folder + "/cases.jsonl"), bytes_(folder + "/cases.bin", std::ios::binary) {}

  json Keep(std::span<const uint8_t> bytes) {
    bytes_.write(reinterpret_cast<const char*>(bytes.data()),
                 static_cast<std::streamsize>(bytes.size()));
    const size_t offset = std::exchange(offset_, offset_ + bytes.size());
    return {offset, bytes.size()};
  }
  void WriteLine(const json& line) { lines_ << line << '\n'; }
  bool good() const { return lines_.good() && bytes_.good(); }

 private:
  std::ofstream lines_;
  std::ofstream bytes_;
  size_t offset_ = 0;
};

// The first axis, which FixShapes takes for the batch, stays as it is.
absl::StatusOr<Model> WithFixedShapes(const Model& model) {
  const std::vector<int32_t>& inputs = model.graph().inputs;
  const Shape shape = inputs.empty() ? Shape() : model.tensor(TensorIndex{inputs[0]}).shape;
  return FixShapes(model, shape.empty() ? 1 : shape[0]);
}

absl::StatusOr<Model> Quantized(const Model& model, const TensorRanges& ranges,
                                const std::string& variant) {
  for (const v1::VariantSpec& spec : UsualVariants()) {
    if (spec.name() != variant) continue;
    ASSIGN_OR_RETURN(const QuantPlan plan, PlanQuantization(model, ranges, spec));
    return ApplyPlan(model, plan);
  }
  return absl::InvalidArgumentError(absl::StrCat("no variant ", variant));
}

TensorValue AsInput(const schema::TensorT& input, const TensorValue& value) {
  if (input.type == value.type) return value;
  const QuantParams params = {input.quantization->scale, input.quantization->zero_point};
  const auto stored =
      input.type == schema::TensorType_UINT8 ? schema::TensorType_INT16 : input.type;
  const SharedBytes codes = StoreAs(stored, params, value.values<float>(), value.shape);
  TensorValue result{input.type, value.shape, {codes.get().begin(), codes.get().end()}};
  if (stored == input.type) return result;
  TensorValue bytes{input.type, value.shape, {}};
  for (const int16_t code : result.values<int16_t>()) {
    bytes.bytes.push_back(static_cast<uint8_t>(std::clamp<int>(code, 0, 255)));
  }
  return bytes;
}

absl::Status KeepOutputs(const Model& model, Backend backend,
                         const std::vector<TensorValue>& inputs, const char* key, CaseFile& file,
                         json& line) {
  ASSIGN_OR_RETURN(Executor executor, Executor::Create(model, {.backend = backend}), key);
  std::vector<TensorView> views;
  for (const TensorValue& input : inputs) views.push_back(input.view());
  RETURN_IF_ERROR(executor.Run(views), key);
  line[key] = json::array();
  for (int i = 0; i < executor.num_outputs(); ++i)
    line[key].push_back(file.Keep(executor.Output(i).bytes));
  if (backend == Backend::kXnnpack) line["runtime"] = executor.runtime();
  return absl::OkStatus();
}

// Of each output, the scale of the codes that it is dequantized from; 0: it is none.
json ScalesOf(const Model& model) {
  std::map<int32_t, float> scales;
  for (const auto& op : model.graph().operators) {
    if (model.OperatorType(*op) != schema::BuiltinOperator_DEQUANTIZE) continue;
    scales[op->outputs[0]] = model.tensor(InputOf(*op, 0)).quantization->scale[0];
  }
  json found = json::array();
  for (const int32_t output : model.graph().outputs) found.push_back(scales[output]);
  return found;
}

json ShapesOf(const Model& model, const std::vector<int32_t>& tensors) {
  json shapes = json::array();
  for (const int32_t tensor : tensors)
    shapes.push_back(ShapeText(model.tensor(TensorIndex{tensor}).shape));
  return shapes;
}

absl::Status KeepModel(const Model& model, const std::vector<TensorValue>& example, CaseFile& file,
                       json& line) {
  ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, WriteModel(model));
  line["model"] = file.Keep(bytes);
  ASSIGN_OR_RETURN(const Model fixed, WithFixedShapes(model));
  const DelegateParts parts = EstimateDelegateParts(model);
  line["parts"] = {parts.parts, json::array()};
  for (const UndelegatedOperator& op : parts.undelegated) line["parts"][1].push_back(op.index);
  line["scales"] = ScalesOf(model);
  line["shapes"] = ShapesOf(fixed, fixed.graph().inputs);
  std::vector<TensorValue> inputs;
  line["inputs"] = json::array();
  for (size_t i = 0; i < example.size(); ++i) {
    inputs.push_back(AsInput(fixed.tensor(TensorIndex{fixed.graph().inputs[i]}), example[i]));
    line["inputs"].push_back(file.Keep(inputs.back().bytes));
  }
  RETURN_IF_ERROR(KeepOutputs(fixed, Backend::kXnnpack, inputs, "xnnpack_outputs", file, line));
  return KeepOutputs(fixed, Backend::kReference, inputs, "reference_outputs", file, line);
}

absl::StatusOr<TensorRanges> MeasuredRanges(const RandomModel& random_model, std::mt19937& random) {
  ASSIGN_OR_RETURN(const Model fixed, WithFixedShapes(random_model.model));
  std::vector<Example> examples(kCalibrationExamples);
  for (Example& example : examples) example = RandomExample(random_model, random);
  ASSIGN_OR_RETURN(const CalibrationStatistics statistics,
                   Calibrate(fixed, ExampleList(std::move(examples)), {}));
  const TensorRanges ranges = ChooseRanges(statistics, {});
  for (const auto& [tensor, range] : ranges) {
    if (std::max(-range.min, range.max) > kLargestValue) {
      return absl::OutOfRangeError(random_model.model.TensorName(tensor));
    }
  }
  return ranges;
}

json OperatorsOf(const Model& model) {
  json names = json::array();
  for (const auto& op : model.graph().operators) names.push_back(model.OperatorName(*op));
  return names;
}

// The forms of one random model.
absl::Status KeepForms(RandomModel random_model, std::span<const Form> forms, std::mt19937& random,
                       CaseFile& file, const json& line) {
  ASSIGN_OR_RETURN(random_model.model, FoldGraph(random_model.model));
  ASSIGN_OR_RETURN(const TensorRanges ranges, MeasuredRanges(random_model, random));
  const Example example = RandomExample(random_model, random);
  for (const Form& form : forms) {
    json of_form = line;
    of_form["operators"] = OperatorsOf(random_model.model);
    of_form["form"] = form.variant;
    const auto quantized = form.variant == kFloat32.variant
                               ? random_model.model
                               : Quantized(random_model.model, ranges, form.variant);
    if (absl::IsFailedPrecondition(quantized.status())) {
      of_form["skipped"] = std::string(quantized.status().message());
    } else {
      RETURN_IF_ERROR(quantized.status(), form.variant);
      const absl::Status kept = KeepModel(*quantized, example, file, of_form);
      if (!kept.ok()) of_form["failed"] = std::string(kept.message());
    }
    file.WriteLine(of_form);
  }
  return absl::OkStatus();
}

// Products of products are larger than any net's values: such a model makes way for another.
absl::Status KeepUsual(absl::FunctionRef<RandomModel(std::mt19937& random)> make,
                       std::span<const Form> forms, std::mt19937& random, CaseFile& file,
                       const json& line) {
  absl::Status kept;
  do {
    kept = KeepForms(make(random), forms, random, file, line);
  } while (ReasonOf(kept) == "NOT_FINITE" || absl::IsOutOfRange(kept));
  return kept;
}

std::mt19937 GeneratorOf(uint64_t seed, int kind, int index) {
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                         static_cast<uint32_t>(kind), static_cast<uint32_t>(index)};
  return std::mt19937(sequence);
}

std::vector<Form> FormsOf(const OperatorRow& row) {
  std::vector<Form> forms;
  for (const Form& form : kOperatorForms) {
    if (row.*form.version != 0) forms.push_back(form);
  }
  return forms;
}

struct Cases {
  uint64_t seed = 0;
  int first = 0;
  int count = 0;
};

absl::Status KeepOperators(const Cases& cases, CaseFile& file) {
  const auto keep = [&](absl::string_view name, schema::BuiltinOperator type, int kind,
                        std::span<const Form> forms) -> absl::Status {
    for (int index = cases.first; index < cases.first + cases.count; ++index) {
      std::mt19937 random = GeneratorOf(cases.seed, kind, index);
      const auto make = [&](std::mt19937& generator) { return RandomOperator(type, generator); };
      RETURN_IF_ERROR(KeepUsual(make, forms, random, file, {{"operator", name}, {"index", index}}),
                      name, " ", index);
    }
    return absl::OkStatus();
  };
  for (const schema::BuiltinOperator type : RandomOperatorTypes()) {
    const OperatorRow& row = *FindOperator(type);
    RETURN_IF_ERROR(keep(row.name, type, type, FormsOf(row)));
  }
  // QUANTIZE and DEQUANTIZE, at both ends of a model.
  return keep("QUANTIZE", schema::BuiltinOperator_RELU, schema::BuiltinOperator_QUANTIZE,
              kConversionForms);
}

absl::Status KeepGraphs(const Cases& cases, CaseFile& file) {
  for (int index = cases.first; index < cases.first + cases.count; ++index) {
    std::mt19937 random = GeneratorOf(cases.seed, /*kind=*/-1, index);
    const GraphOperators operators = index % 2 ? GraphOperators::kDelegated : GraphOperators::kAll;
    const auto make = [&](std::mt19937& generator) {
      return RandomGraph(kMostOperators, operators, generator);
    };
    RETURN_IF_ERROR(
        KeepUsual(make, kGraphForms, random, file, {{"operator", "graph"}, {"index", index}}),
        "graph ", index);
  }
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& arguments) {
  Cases cases;
  if (arguments.size() != 6 || !absl::SimpleAtoi(arguments[2], &cases.seed) ||
      !absl::SimpleAtoi(arguments[3], &cases.first) ||
      !absl::SimpleAtoi(arguments[4], &cases.count)) {
    return absl::InvalidArgumentError("operators|graphs SEED FIRST COUNT FOLDER");
  }
  CaseFile file(arguments[5]);
  RETURN_IF_ERROR(arguments[1] == "graphs" ? KeepGraphs(cases, file) : KeepOperators(cases, file));
  return file.good() ? absl::OkStatus() : absl::DataLossError(arguments[5]);
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) {
  const absl::Status status = octavo::Run(std::vector<std::string>(argv, argv + argc));
  if (!status.ok()) std::fprintf(stderr, "random_models: %s\n", status.ToString().c_str());
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
