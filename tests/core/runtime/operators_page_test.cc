// docs/operators.md says what the operator table says.

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/operator_table.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

constexpr char kHead[] =
    R"(# Operators

Every operator that Octavo runs, and the forms that it gives it; made from the operator table
(`core/tflite/operator_table.cc`) and held against it by a test. Below the table are those that are carried and not run. Any
other is refused by name when a model is inspected.

- **float**: runs as it is; every scheme may leave it so.
- **weights**: what its weights may be stored in while it runs in float (`weight-int8`, `weight-int4`); an operator whose
  weights take no int4 keeps int8 in `weight-int4` and `dynamic-int4`.
- **dynamic**: the same weights, activations quantized while it runs (`dynamic-int8`, `dynamic-int4`).
- **int8**, **int16x8**: integer activations.
- **output scale**: where the scale and zero point of an integer output come from.

What has a state (LSTM, RNN, SVDF and the sequences of them) begins each example with zeros; LiteRT keeps the state from
one run to the next until `reset_all_variables` is called. The basic kernel of LSTM is refused.

| operator | float | weights | dynamic | int8 | int16x8 | output scale | versions read |
| --- | --- | --- | --- | --- | --- | --- | --- |
)";

constexpr char kCarriedHead[] = R"(
## Carried, not run

A model may hold these too. They stay as they are in every variant, and so do the subgraphs that they name. Nothing here runs
them, so the variants of such a model are written without accuracy and latency, and those that need a calibration are left
out; the report names the operators.

)";

const char* Mark(bool holds) { return holds ? "yes" : ""; }

const char* WeightsText(const OperatorRow& row) {
  if (row.weights_input < 0) return "";
  return row.takes_int4 ? "int8, int4" : "int8";
}

std::string FixedText(const FixedParams& params) {
  return absl::StrCat("1/", 1 / params.scale, ", ", params.zero_point);
}

std::string ScaleText(const OperatorRow& row) {
  if (row.int8_version == 0 && row.int16_version == 0) return "";
  switch (row.output_scale) {
    case OutputScale::kFree:
      return "its own";
    case OutputScale::kAsInput:
      return "its input's";
    case OutputScale::kAllTheSame:
      return "one for inputs and output";
    case OutputScale::kFixed:
      return absl::StrCat(
          "fixed: ", FixedText(row.fixed_int8),
          row.fixed_int16.scale == 0 ? "" : absl::StrCat("; int16 ", FixedText(row.fixed_int16)));
    case OutputScale::kNone:
      return "none: no quantized output";
  }
  return "";
}

std::string Page() {
  std::string page = kHead;
  for (const OperatorRow& row : OperatorTable()) {
    absl::StrAppend(&page, "| ", row.name, " | ", Mark(HasKernel(row.type)), " | ",
                    WeightsText(row), " | ", Mark(row.has_dynamic()), " | ",
                    Mark(row.int8_version != 0), " | ", Mark(row.int16_version != 0), " | ",
                    ScaleText(row), " | 1 to ", row.newest_version, " |\n");
  }
  absl::StrAppend(&page, kCarriedHead);
  for (const schema::BuiltinOperator type : CarriedOperators()) {
    absl::StrAppend(&page, "- ", schema::EnumNameBuiltinOperator(type), "\n");
  }
  return page;
}

// With OCTAVO_UPDATE=1 it writes the page instead.
TEST(OperatorsPage, SaysWhatTheTableSays) {
  const std::string path = TestDataPath("../../docs/operators.md");
  if (std::getenv("OCTAVO_UPDATE") != nullptr) std::ofstream(path) << Page();
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), Page()) << "make it anew: OCTAVO_UPDATE=1 ctest -R core_runtime_tests";
}

}  // namespace
}  // namespace octavo
