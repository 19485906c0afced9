#include "core/tflite/model_validator.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/tflite/operator_validator.h"
#include "core/tflite/short_name.h"
#include "core/tflite/tensor_validator.h"

namespace octavo {
namespace {

absl::Status Malformed(absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "MODEL_MALFORMED");
}

template <typename Entries>
bool Has(const Entries& entries, int64_t index) {
  return index >= 0 && index < static_cast<int64_t>(entries.size());
}

absl::Status CheckOperatorCodes(const Model& model) {
  for (size_t i = 0; i < model.tables.operator_codes.size(); ++i) {
    const schema::OperatorCodeT& code = *model.tables.operator_codes[i];
    if (code.builtin_code < 0 || code.version < 1 || !IsText(code.custom_code)) {
      return Malformed(absl::StrCat("operator code ", i, " is ",
                                    static_cast<int>(code.builtin_code), " of version ",
                                    code.version));
    }
  }
  return absl::OkStatus();
}

// Everything of one subgraph.
class SubgraphValidator {
 public:
  SubgraphValidator(const Model& model, const schema::SubGraphT& graph)
      : model_(model), graph_(graph), is_known_(graph.tensors.size()) {}

  absl::Status Validate() {
    if (!IsText(graph_.name)) return Malformed("its name is no text");
    RETURN_IF_ERROR(CheckTensors());
    RETURN_IF_ERROR(CheckInputs());
    for (size_t i = 0; i < graph_.operators.size(); ++i) {
      RETURN_IF_ERROR(CheckOperator(*graph_.operators[i]), OperatorText(i));
    }
    for (const int32_t index : graph_.outputs) {
      if (!Has(graph_.tensors, index))
        return Malformed(absl::StrCat("output ", index, " is no tensor"));
      if (!is_known_[index])
        return Malformed(absl::StrCat("nothing makes the output ", TensorText(index)));
    }
    return absl::OkStatus();
  }

 private:
  // Names are texts already where this is called.
  std::string TensorText(size_t index) const {
    return absl::StrCat("tensor ", index, " '", ShortName(graph_.tensors[index]->name), "'");
  }

  std::string OperatorText(size_t index) const {
    const schema::OperatorT& op = *graph_.operators[index];
    if (!Has(model_.tables.operator_codes, op.opcode_index))
      return absl::StrCat("operator ", index);
    std::string text =
        absl::StrCat("operator ", index, " (", ShortName(model_.OperatorName(op)), ")");
    if (!op.outputs.empty() && Has(graph_.tensors, op.outputs[0])) {
      absl::StrAppend(&text, " of ", TensorText(op.outputs[0]));
    }
    return text;
  }

  absl::Status CheckTensors() {
    for (size_t index = 0; index < graph_.tensors.size(); ++index) {
      const schema::TensorT& tensor = *graph_.tensors[index];
      if (!IsText(tensor.name))
        return Malformed(absl::StrCat("the name of tensor ", index, " is no text"));
      if (!Has(model_.buffers, tensor.buffer)) {
        return Malformed(absl::StrCat(TensorText(index), ": there is no buffer ", tensor.buffer));
      }
      const auto num_tensors = static_cast<int64_t>(graph_.tensors.size());
      const absl::Status status = ValidateTensor(model_, tensor, num_tensors);
      if (!status.ok()) return Malformed(absl::StrCat(TensorText(index), ": ", status.message()));
      is_known_[index] = HasValue(tensor);
    }
    return absl::OkStatus();
  }

  // Whether there is a value that no operator makes.
  bool HasValue(const schema::TensorT& tensor) const {
    return IsConstant(tensor) || tensor.external_buffer != 0 || tensor.is_variable ||
           NumElements(tensor.shape) == 0;
  }
  bool IsConstant(const schema::TensorT& tensor) const {
    return !model_.buffers[tensor.buffer].empty();
  }

  absl::Status CheckInputs() {
    for (const int32_t index : graph_.inputs) {
      if (!Has(graph_.tensors, index))
        return Malformed(absl::StrCat("input ", index, " is no tensor"));
      RETURN_IF_ERROR(Make(index), "subgraph inputs");
    }
    return absl::OkStatus();
  }

  // A tensor gets its value once, and constants have theirs.
  absl::Status Make(int32_t index) {
    const schema::TensorT& tensor = *graph_.tensors[index];
    if (IsConstant(tensor)) return Malformed(absl::StrCat(TensorText(index), " is a constant"));
    if (is_made_.empty()) is_made_.resize(graph_.tensors.size());
    if (is_made_[index]) return Malformed(absl::StrCat(TensorText(index), " is made twice"));
    is_made_[index] = true;
    is_known_[index] = true;
    return absl::OkStatus();
  }

  absl::Status CheckOperator(const schema::OperatorT& op) {
    if (!Has(model_.tables.operator_codes, op.opcode_index)) {
      return Malformed(absl::StrCat("there is no operator code ", op.opcode_index));
    }
    for (const int32_t index : op.inputs) {
      if (index == -1) continue;
      if (!Has(graph_.tensors, index))
        return Malformed(absl::StrCat("its input ", index, " is no tensor"));
      if (!is_known_[index]) {
        return Malformed(
            absl::StrCat("its input ", TensorText(index), " is used before it is made"));
      }
    }
    for (const int32_t index : op.intermediates) {
      if (index != -1 && !Has(graph_.tensors, index)) {
        return Malformed(absl::StrCat("its intermediate ", index, " is no tensor"));
      }
    }
    for (const int32_t index : op.outputs) {
      if (!Has(graph_.tensors, index))
        return Malformed(absl::StrCat("its output ", index, " is no tensor"));
      RETURN_IF_ERROR(Make(index));
    }
    const absl::Status status = ValidateOperator(model_, op);
    return status.ok() ? status : Malformed(status.message());
  }

  const Model& model_;
  const schema::SubGraphT& graph_;
  std::vector<bool> is_known_;
  std::vector<bool> is_made_;
};

absl::Status CheckTensorMaps(const std::vector<std::unique_ptr<schema::TensorMapT>>& entries,
                             const schema::SubGraphT& graph) {
  for (const auto& entry : entries) {
    if (!IsText(entry->name)) return Malformed("a name is no text");
    if (!Has(graph.tensors, entry->tensor_index)) {
      return Malformed(
          absl::StrCat("'", ShortName(entry->name), "' is tensor ", entry->tensor_index));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSignatures(const Model& model) {
  for (const auto& signature : model.tables.signature_defs) {
    if (!IsText(signature->signature_key)) return Malformed("the key of a signature is no text");
    if (!Has(model.tables.subgraphs, signature->subgraph_index)) {
      return Malformed(absl::StrCat("signature '", signature->signature_key,
                                    "': there is no subgraph ", signature->subgraph_index));
    }
    const schema::SubGraphT& graph = *model.tables.subgraphs[signature->subgraph_index];
    RETURN_IF_ERROR(CheckTensorMaps(signature->inputs, graph), "signature '",
                    ShortName(signature->signature_key), "\'");
    RETURN_IF_ERROR(CheckTensorMaps(signature->outputs, graph), "signature '",
                    ShortName(signature->signature_key), "\'");
  }
  return absl::OkStatus();
}

absl::Status CheckMetadata(const Model& model) {
  for (const auto& metadata : model.tables.metadata) {
    if (!IsText(metadata->name)) return Malformed("the name of a metadata entry is no text");
    if (!Has(model.buffers, metadata->buffer)) {
      return Malformed(absl::StrCat("metadata '", ShortName(metadata->name),
                                    "': there is no buffer ", metadata->buffer));
    }
  }
  for (const int32_t buffer : model.tables.metadata_buffer) {
    if (!Has(model.buffers, buffer))
      return Malformed(absl::StrCat("metadata: there is no buffer ", buffer));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateModel(const Model& model) {
  if (model.tables.subgraphs.empty()) return Malformed("the model has no subgraph");
  if (!IsText(model.tables.description)) return Malformed("the description is no text");
  RETURN_IF_ERROR(CheckOperatorCodes(model));
  for (size_t number = 0; number < model.tables.subgraphs.size(); ++number) {
    RETURN_IF_ERROR(SubgraphValidator(model, *model.tables.subgraphs[number]).Validate(),
                    "subgraph ", number);
  }
  RETURN_IF_ERROR(CheckSignatures(model));
  return CheckMetadata(model);
}

}  // namespace octavo
