// octavo compare: how far one model is from another on the same data, tensor by tensor; in a
// sandboxed engine here, with no server.

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/command.h"
#include "client/cli/data_argument.h"
#include "client/cli/job_display.h"
#include "client/cli/json_output.h"
#include "client/cli/local_engine.h"
#include "client/cli/spec_flags.h"
#include "client/cli/table.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

constexpr size_t kRowsShown = 10;

struct Flags {
  std::string path_a, path_b, data, output;
  int64_t examples = 0;
  bool all = false;
  bool json = false;
  SpecFlags spec;
};

std::string Decibel(double value) {
  return std::isinf(value) && value > 0 ? "equal" : absl::StrFormat("%.1f", value);
}

// What tensors are ordered by: what their operator loses alone, or where that is not known, all
// that was lost up to it.
double LossOf(const v1::TensorComparison& tensor) {
  return tensor.has_sqnr_alone_db() ? tensor.sqnr_alone_db() : tensor.sqnr_db();
}

std::vector<const v1::TensorComparison*> WorstFirst(const v1::ModelComparison& comparison) {
  std::vector<const v1::TensorComparison*> tensors;
  for (const v1::TensorComparison& tensor : comparison.tensors()) tensors.push_back(&tensor);
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto* left, const auto* right) {
    return LossOf(*left) < LossOf(*right);
  });
  return tensors;
}

std::vector<std::string> RowOf(const v1::TensorComparison& tensor) {
  const std::string types = tensor.type_a() == tensor.type_b()
                                ? tensor.type_a()
                                : absl::StrCat(tensor.type_a(), " / ", tensor.type_b());
  return {tensor.name(),
          tensor.operator_type().empty() ? "input" : tensor.operator_type(),
          types,
          tensor.has_sqnr_alone_db() ? Decibel(tensor.sqnr_alone_db()) : "",
          Decibel(tensor.sqnr_db()),
          absl::StrFormat("%.5f", tensor.cosine()),
          absl::StrFormat("%.3g", tensor.max_abs_error()),
          absl::StrFormat("%.4g to %.4g", tensor.range_min(), tensor.range_max()),
          tensor.saturated() == 0 ? "" : absl::StrFormat("%.3g", 100 * tensor.saturated())};
}

void PrintTensors(const v1::ModelComparison& comparison, bool all) {
  const auto tensors = WorstFirst(comparison);
  const size_t shown = all ? tensors.size() : std::min(tensors.size(), kRowsShown);
  TableText table{.rows = {{"tensor", "operator", "a / b", "alone dB", "sqnr dB", "cosine",
                            "max error", "range in a", "saturated %"}},
                  .left_columns = {0, 1, 2}};
  for (size_t i = 0; i < shown; ++i) table.rows.push_back(RowOf(*tensors[i]));
  std::fputs(RenderTable(table, ColorWanted()).c_str(), stdout);
  if (shown < tensors.size()) {
    std::printf("the worst %zu of %zu tensors; --all shows the others\n", shown, tensors.size());
  }
}

void Print(const v1::ModelComparison& comparison, bool all) {
  const v1::Fidelity& outputs = comparison.outputs();
  std::printf("a: %s bytes, b: %s bytes; %d of %d tensors of a have their like among %d of b\n",
              GroupDigits(comparison.size_bytes_a()).c_str(),
              GroupDigits(comparison.size_bytes_b()).c_str(),
              static_cast<int>(std::ranges::count_if(
                  comparison.tensors(),
                  [](const auto& tensor) { return !tensor.operator_type().empty(); })),
              comparison.tensors_a(), comparison.tensors_b());
  const std::string sqnr =
      std::isinf(outputs.sqnr_db()) && outputs.sqnr_db() > 0 ? "∞" : Decibel(outputs.sqnr_db());
  std::printf(
      "outputs over %s examples: SQNR %s dB, cosine %.5f, same largest output %.2f %%, "
      "max error %.3g\n\n",
      GroupDigits(outputs.examples()).c_str(), sqnr.c_str(), outputs.cosine(),
      100 * outputs.argmax_agreement(), outputs.max_abs_error());
  if (comparison.tensors().empty()) {
    std::printf("no tensor of a has its like in b\n");
    return;
  }
  PrintTensors(comparison, all);
}

absl::StatusOr<LocalComparison> ReadFlags(const Flags& flags) {
  LocalComparison comparison{.path_a = flags.path_a, .path_b = flags.path_b};
  ASSIGN_OR_RETURN(const DataArgument data, ParseDataArgument(flags.data), "--data");
  comparison.data_path = data.path;
  *comparison.work.mutable_use() = data.use;
  comparison.work.mutable_use()->set_max_examples(flags.examples);
  ASSIGN_OR_RETURN(const auto preprocess, ParsePreprocessFlags(flags.spec));
  for (const v1::Preprocess& message : preprocess) *comparison.work.add_preprocess() = message;
  comparison.work.set_num_threads(flags.spec.threads);
  return comparison;
}

absl::StatusOr<ExitCode> Compare(const Flags& flags) {
  ASSIGN_OR_RETURN(const LocalComparison comparison, ReadFlags(flags));
  JobDisplay display;
  const auto result = CompareLocally(comparison, [&](const engine::v1::EngineMessage& message) {
    if (message.has_progress()) display.Show(message.progress());
  });
  display.progress().Clear();
  if (!result.ok()) return result.status();
  for (const v1::Warning& warning : result->comparison().warnings()) {
    std::fprintf(stderr, "warning: %s\n", warning.message().c_str());
  }
  if (flags.json || flags.output == "json") {
    RETURN_IF_ERROR(PrintJson(result->comparison()));
    return kExitOk;
  }
  Print(result->comparison(), flags.all);
  return kExitOk;
}

constexpr char kFooter[] = R"(
The models need the same inputs and outputs; either may be quantized. Tensors are compared where both have them by the
same name, on the first 16 examples: "alone" with a's values at the inputs of b's operator, "sqnr" with b's own up to
there. DATA is FILE[:[INPUT=]ARRAY,…] of any format that `octavo optimize` takes, bound to the inputs of a.

Example:
  octavo compare digits.tflite out/int8.tflite --data mnist.npz:test_images --scale 1/255 --examples 100)";

}  // namespace

void AddCompareCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand(
      "compare", "Shows how far one model is from another on the same data, tensor by tensor");
  auto flags = std::make_shared<Flags>();
  command->add_option("a", flags->path_a, "A .tflite file, mostly the float model")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("b", flags->path_b, "A .tflite file that is held against it")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("--data", flags->data, "The examples")->type_name("DATA")->required();
  command->add_option("--examples", flags->examples, "Only the first N (default: all)")
      ->check(CLI::PositiveNumber);
  command->add_flag("--all", flags->all, "Every tensor, not only the worst ten");
  command->add_flag("--json", flags->json, "The same as -o json");
  AddOutputFlag(*command, flags->output);
  AddPreprocessFlags(*command, flags->spec);
  command
      ->add_option("--threads", flags->spec.threads,
                   "Of the engine; no result depends on it (default: all processors)")
      ->check(CLI::Range(1, 256));
  command->footer(kFooter);
  command->callback([flags, &run] { run = [flags] { return Compare(*flags); }; });
}

}  // namespace octavo
