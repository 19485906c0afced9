#include "core/engine/compare.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/parallel.h"
#include "core/base/status_macros.h"
#include "core/data/open_dataset.h"
#include "core/engine/inspect.h"
#include "core/engine/prepare.h"
#include "core/evaluate/evaluate.h"
#include "core/evaluate/tensor_errors.h"
#include "core/graph/fix_shapes.h"
#include "core/import/import_model.h"
#include "core/runtime/executor.h"
#include "core/tflite/short_name.h"

namespace octavo {
namespace {

constexpr size_t kMaxTensors = 100'000;
constexpr int kMaxThreads = 256;

struct OpenedModel {
  Model fixed;
  int64_t size_bytes = 0;
};

absl::StatusOr<OpenedModel> Open(const engine::v1::DataFile& file) {
  ASSIGN_OR_RETURN(const auto bytes, ReadModelFile(file));
  ASSIGN_OR_RETURN(const ImportedModel imported, ImportModel(bytes));
  OpenedModel opened{.fixed = {}, .size_bytes = static_cast<int64_t>(bytes->size())};
  ASSIGN_OR_RETURN(opened.fixed, FixShapes(imported.baseline));
  RETURN_IF_ERROR(CheckRunnable(opened.fixed));
  return opened;
}

// The type of the values that a tensor stands for: float where it is quantized.
schema::TensorType RealType(const schema::TensorT& tensor) {
  const bool is_quantized = tensor.quantization != nullptr && !tensor.quantization->scale.empty();
  const bool has_codes = tensor.type == schema::TensorType_INT8 ||
                         tensor.type == schema::TensorType_UINT8 ||
                         tensor.type == schema::TensorType_INT16;
  return is_quantized && has_codes ? schema::TensorType_FLOAT32 : tensor.type;
}

std::string BorderText(const schema::TensorT& tensor) {
  return absl::StrCat("'", ShortName(tensor.name), "' of ", TypeName(tensor.type), " ",
                      ShapeText(tensor.shape));
}

absl::Status Mismatch(const std::string& message) {
  return WithReason(absl::InvalidArgumentError(message), "TENSOR_MISMATCH");
}

absl::Status CheckBorder(absl::string_view what, const Model& a, const std::vector<int32_t>& of_a,
                         const Model& b, const std::vector<int32_t>& of_b) {
  if (of_a.size() != of_b.size()) {
    return Mismatch(
        absl::StrCat("model a has ", of_a.size(), " ", what, "s, model b ", of_b.size()));
  }
  for (size_t i = 0; i < of_a.size(); ++i) {
    const schema::TensorT& mine = a.tensor(TensorIndex{of_a[i]});
    const schema::TensorT& theirs = b.tensor(TensorIndex{of_b[i]});
    if (mine.shape == theirs.shape && RealType(mine) == RealType(theirs)) continue;
    return Mismatch(absl::StrCat(what, " ", i, " of model a is ", BorderText(mine),
                                 ", that of model b ", BorderText(theirs)));
  }
  return absl::OkStatus();
}

absl::Status CheckBorders(const Model& a, const Model& b) {
  RETURN_IF_ERROR(CheckBorder("input", a, a.graph().inputs, b, b.graph().inputs));
  return CheckBorder("output", a, a.graph().outputs, b, b.graph().outputs);
}

absl::StatusOr<BoundDataset> OpenData(const engine::v1::CompareWork& work, const Model& a,
                                      int64_t max_bytes) {
  std::vector<const v1::Preprocess*> preprocess;
  for (const v1::Preprocess& one : work.preprocess()) preprocess.push_back(&one);
  ASSIGN_OR_RETURN(BoundDataset bound,
                   OpenDataset(work.data().fd(), InputsOf(a), work.use(), preprocess, max_bytes));
  if (bound.dataset->size() == 0) return absl::InvalidArgumentError("there are no examples");
  return bound;
}

int CountTensors(const Model& model) {
  int count = 0;
  for (const auto& op : model.graph().operators) count += static_cast<int>(op->outputs.size());
  return count;
}

// What the names of a model's activations stand for.
struct NamedTensor {
  std::string type;
  std::string operator_type;  // empty: an input
};

std::map<std::string, NamedTensor> NamedTensors(const Model& model) {
  std::map<std::string, NamedTensor> found;
  const auto add = [&](int32_t place, const std::string& operator_type) {
    if (place < 0) return;
    const schema::TensorT& tensor = model.tensor(TensorIndex{place});
    found[tensor.name] = {std::string(TypeName(tensor.type)), operator_type};
  };
  for (const int32_t input : model.graph().inputs) add(input, "");
  for (const auto& op : model.graph().operators) {
    for (const int32_t output : op->outputs) add(output, model.OperatorName(*op));
  }
  return found;
}

void AddTensors(const Model& a, const Model& b, const std::vector<TensorError>& errors,
                const std::vector<TensorError>& alone, v1::ModelComparison& comparison) {
  const auto of_a = NamedTensors(a);
  const auto of_b = NamedTensors(b);
  std::map<std::string, const TensorError*> alone_by_name;
  for (const TensorError& error : alone) alone_by_name[error.name] = &error;
  for (size_t i = 0; i < errors.size() && i < kMaxTensors; ++i) {
    const TensorError& error = errors[i];
    v1::TensorComparison& row = *comparison.add_tensors();
    row.set_name(error.name);
    if (const auto found = of_a.find(error.name); found != of_a.end()) {
      row.set_operator_type(found->second.operator_type);
      row.set_type_a(found->second.type);
    }
    if (const auto found = of_b.find(error.name); found != of_b.end()) {
      row.set_type_b(found->second.type);
    }
    row.set_sqnr_db(error.sqnr_db);
    row.set_cosine(error.cosine);
    row.set_max_abs_error(error.max_error);
    row.set_range_min(error.reference_range.min);
    row.set_range_max(error.reference_range.max);
    row.set_saturated(error.saturated);
    const auto found = alone_by_name.find(error.name);
    if (found == alone_by_name.end()) continue;
    row.set_sqnr_alone_db(found->second->sqnr_db);
    // Behind a conversion to float the tensor itself can hold everything.
    row.set_saturated(std::max(error.saturated, found->second->saturated));
  }
}

}  // namespace

absl::StatusOr<v1::ModelComparison> CompareModels(const engine::v1::CompareWork& work,
                                                  int64_t memory_limit_bytes,
                                                  EngineProgress& progress) {
  if (work.num_threads() < 0 || work.num_threads() > kMaxThreads) {
    return FieldError("num_threads", absl::StrCat("is not between 0 and ", kMaxThreads));
  }
  progress.BeginStage(v1::STAGE_IMPORT);
  ASSIGN_OR_RETURN(const OpenedModel a, Open(work.model_a()), "model a");
  ASSIGN_OR_RETURN(const OpenedModel b, Open(work.model_b()), "model b");
  RETURN_IF_ERROR(CheckBorders(a.fixed, b.fixed));
  const int64_t max_bytes = memory_limit_bytes > 0 ? memory_limit_bytes / 2 : kMaxDatasetBytes;
  ASSIGN_OR_RETURN(const BoundDataset data, OpenData(work, a.fixed, max_bytes), "data");

  progress.BeginStage(v1::STAGE_EVALUATE);
  const int num_threads = work.num_threads() > 0 ? work.num_threads() : NumProcessors();
  EvaluateOptions options{.num_threads = num_threads, .check_finite = true};
  options.progress = [&](int64_t done, int64_t total) { progress.Count(done, total); };
  ASSIGN_OR_RETURN(Evaluation evaluation,
                   Evaluator(a.fixed, *data.dataset, std::move(options)).Evaluate(b.fixed));
  const TensorErrorOptions tensors{.num_threads = num_threads};
  ASSIGN_OR_RETURN(const std::vector<TensorError> errors,
                   CompareTensors(a.fixed, b.fixed, *data.dataset, tensors));
  ASSIGN_OR_RETURN(const std::vector<TensorError> alone,
                   CompareOperatorsAlone(a.fixed, b.fixed, *data.dataset, tensors));

  v1::ModelComparison comparison;
  *comparison.mutable_outputs() = std::move(evaluation.fidelity);
  comparison.set_tensors_examples(std::min(data.dataset->size(), tensors.max_examples));
  comparison.set_tensors_a(CountTensors(a.fixed));
  comparison.set_tensors_b(CountTensors(b.fixed));
  comparison.set_size_bytes_a(a.size_bytes);
  comparison.set_size_bytes_b(b.size_bytes);
  comparison.mutable_warnings()->Add(data.warnings.begin(), data.warnings.end());
  AddTensors(a.fixed, b.fixed, errors, alone, comparison);
  return comparison;
}

}  // namespace octavo
