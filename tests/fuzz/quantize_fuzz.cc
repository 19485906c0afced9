// Quantizes whatever the reader lets pass, with ranges made up of the file's bytes. Nothing may
// crash, and what comes out must be a model that the reader takes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "core/calibrate/statistics_checks.h"
#include "core/import/import_model.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/change_io.h"
#include "core/quantize/learned_ranges.h"
#include "core/quantize/plan_quantization.h"
#include "core/runtime/delegate_parts.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"

namespace octavo {
namespace {

TensorRanges MadeUpRanges(const Model& model, const uint8_t* data, size_t size) {
  TensorRanges ranges;
  for (size_t i = 0; i < model.graph().tensors.size(); ++i) {
    const TensorIndex tensor{static_cast<int32_t>(i)};
    const uint8_t byte = data[i * 7919 % size];
    if (byte % 16 == 15) continue;  // not measured
    if (model.tensor(tensor).type != schema::TensorType_FLOAT32) continue;
    ranges[tensor] = {-static_cast<float>(byte % 5), static_cast<float>(byte)};
  }
  return ranges;
}

void Quantize(const uint8_t* data, size_t size) {
  const auto imported =
      ImportModel(std::make_shared<const std::vector<uint8_t>>(data, data + size));
  if (!imported.ok()) return;
  const Model& model = imported->model;
  (void)CountLearned(model);
  (void)CheckWeights(model);
  (void)EstimateDelegateParts(imported->baseline);
  CHECK_OK(WriteModel(imported->baseline).status());
  const TensorRanges ranges = MadeUpRanges(model, data, size);
  for (const v1::VariantSpec& spec : UsualVariants()) {
    if (spec.scheme() == v1::SCHEME_CHANGE_IO) {
      const auto changed = ChangeIo(model, TypeOf(spec.io_type()));
      if (changed.ok()) CHECK_OK(WriteModel(*changed).status()) << spec.name();
      continue;
    }
    const auto plan = PlanQuantization(model, ranges, spec);
    if (!plan.ok()) continue;
    const auto quantized = ApplyPlan(model, *plan);
    CHECK_OK(quantized.status()) << spec.name();
    (void)EstimateDelegateParts(*quantized);
    auto file = WriteModel(*quantized);
    CHECK_OK(file.status()) << spec.name();
    CHECK_OK(ReadModel(std::make_shared<const std::vector<uint8_t>>(*std::move(file))).status())
        << spec.name();
  }
}

}  // namespace
}  // namespace octavo

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) octavo::Quantize(data, size);
  return 0;
}
