#include "core/import/import_model.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/graph/custom_operators.h"
#include "core/graph/passes.h"
#include "core/import/learn_ranges.h"
#include "core/import/uint8_model.h"
#include "core/tflite/model_reader.h"

namespace octavo {
namespace {

// A flatbuffer says what it is behind the offset of its root table.
constexpr absl::string_view kTfliteIdentifier = "TFL3";
constexpr size_t kTfliteIdentifierOffset = 4;

bool IsTflite(std::span<const uint8_t> file) {
  if (file.size() < kTfliteIdentifierOffset + kTfliteIdentifier.size()) return false;
  return std::ranges::equal(file.subspan(kTfliteIdentifierOffset, kTfliteIdentifier.size()),
                            kTfliteIdentifier);
}

}  // namespace

absl::StatusOr<ImportedModel> ImportModel(std::shared_ptr<const std::vector<uint8_t>> file) {
  if (!IsTflite(*file)) {
    return WithReason(absl::InvalidArgumentError(
                          "the file is no model of a format that is read: TFLite (.tflite)"),
                      "MODEL_MALFORMED");
  }
  ASSIGN_OR_RETURN(Model source, ReadModel(std::move(file)));
  const Model known = WithBuiltinOperators(source);
  RETURN_IF_ERROR(CheckSupported(known));
  ASSIGN_OR_RETURN(Model baseline, FoldGraph(known));
  // What is carried takes the codes as they are.
  const bool is_uint8 = IsUint8Model(baseline) && CheckNothingIsCarried(baseline).ok();
  if (is_uint8) {
    ASSIGN_OR_RETURN(baseline, Uint8AsFloat(baseline));
  }
  Model model = LearnRanges(baseline);
  return ImportedModel{std::move(source), std::move(baseline), std::move(model), is_uint8};
}

}  // namespace octavo
