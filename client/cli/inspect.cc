// octavo inspect: what is in a model or a data set; in a sandboxed engine here, with no server.

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/command.h"
#include "client/cli/json_output.h"
#include "client/cli/local_engine.h"
#include "client/cli/progress_display.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

std::string ShapeText(const auto& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

void AddTensors(TableText& table, const std::string& role, const auto& tensors) {
  for (const v1::TensorInfo& tensor : tensors) {
    table.rows.push_back(
        {role, tensor.name(), tensor.type(), ShapeText(tensor.shape()),
         tensor.scale() == 0
             ? ""
             : absl::StrFormat("scale %.6g, zero point %d", tensor.scale(), tensor.zero_point())});
  }
}

void PrintModel(const v1::ModelInfo& model) {
  std::printf("%s, %s, sha256 %s\n%s parameters (%s) in %d tensors\n\n", model.format().c_str(),
              BytesText(model.size_bytes()).c_str(), model.digest().c_str(),
              GroupDigits(model.parameters()).c_str(), BytesText(model.constant_bytes()).c_str(),
              model.tensors());
  TableText tensors{.rows = {{"", "name", "type", "shape", ""}}, .left_columns = {0, 1, 2, 3, 4}};
  AddTensors(tensors, "input", model.inputs());
  AddTensors(tensors, "output", model.outputs());
  std::fputs(RenderTable(tensors, ColorWanted()).c_str(), stdout);
  std::printf("\n");
  TableText operators{.rows = {{"operator", "version", "count"}}, .left_columns = {0}};
  for (const v1::OperatorCount& op : model.operators()) {
    operators.rows.push_back({op.name(), absl::StrCat(op.version()), absl::StrCat(op.count())});
  }
  std::fputs(RenderTable(operators, ColorWanted()).c_str(), stdout);
}

const char* KindText(v1::ArrayKind kind) {
  switch (kind) {
    case v1::ARRAY_KIND_IMAGE:
      return "images, of any size and colours";
    case v1::ARRAY_KIND_MASK:
      return "masks";
    case v1::ARRAY_KIND_LIST:
      return "lists, of any shape";
    default:
      return "";
  }
}

// What images in folders are labelled by.
void PrintClasses(const v1::DatasetInfo& dataset) {
  constexpr int kMaxListed = 1000;
  if (dataset.class_names().empty()) return;
  std::printf("\n");
  TableText classes{.rows = {{"label", "class"}}, .left_columns = {1}};
  for (int label = 0; label < dataset.class_names_size() && label < kMaxListed; ++label) {
    classes.rows.push_back({absl::StrCat(label), dataset.class_names(label)});
  }
  std::fputs(RenderTable(classes, ColorWanted()).c_str(), stdout);
  if (dataset.class_names_size() > kMaxListed) {
    std::printf("and %d more\n", dataset.class_names_size() - kMaxListed);
  }
}

void PrintDataset(const v1::DatasetInfo& dataset) {
  std::printf("%s, %s, sha256 %s\n\n", dataset.format().c_str(),
              BytesText(dataset.size_bytes()).c_str(), dataset.digest().c_str());
  TableText arrays{.rows = {{"array", "type", "shape", ""}}, .left_columns = {0, 1, 2, 3}};
  for (const v1::ArrayInfo& array : dataset.arrays()) {
    arrays.rows.push_back(
        {array.name(), array.type(), ShapeText(array.shape()), KindText(array.kind())});
  }
  std::fputs(RenderTable(arrays, ColorWanted()).c_str(), stdout);
  PrintClasses(dataset);
}

}  // namespace

void AddInspectCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand(
      "inspect", "Shows a model's operators, tensors and sizes, or a data set's arrays");
  struct Flags {
    std::string path, output;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("file", flags->path, "A .tflite file, or a data set")
      ->required()
      ->check(CLI::ExistingFile);
  AddOutputFlag(*command, flags->output);
  command->footer("Example:\n  octavo inspect digits.tflite");
  command->callback([flags, &run] {
    run = [flags]() -> absl::StatusOr<ExitCode> {
      ASSIGN_OR_RETURN(const engine::v1::EngineResult result, InspectLocally(flags->path),
                       flags->path);
      if (flags->output == "json") {
        if (result.has_model_info()) RETURN_IF_ERROR(PrintJson(result.model_info()));
        if (result.has_dataset_info()) RETURN_IF_ERROR(PrintJson(result.dataset_info()));
        return kExitOk;
      }
      if (result.has_model_info()) PrintModel(result.model_info());
      if (result.has_dataset_info()) PrintDataset(result.dataset_info());
      return kExitOk;
    };
  });
}

}  // namespace octavo
