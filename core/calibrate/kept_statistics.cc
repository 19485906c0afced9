#include "core/calibrate/kept_statistics.h"

#include <cmath>
#include <utility>

#include "core/base/sha256.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {
namespace {

engine::v1::GatheredTensor Pack(TensorIndex tensor, const TensorStatistics& seen) {
  engine::v1::GatheredTensor packed;
  packed.set_tensor(static_cast<int32_t>(tensor));
  packed.set_min(seen.min_max.min);
  packed.set_max(seen.min_max.max);
  packed.set_average_min(seen.moving_average.min);
  packed.set_average_max(seen.moving_average.max);
  if (seen.histogram.total() == 0) return packed;
  engine::v1::GatheredHistogram& histogram = *packed.mutable_histogram();
  histogram.set_exponent(seen.histogram.exponent());
  histogram.set_zeros(seen.histogram.zeros());
  const auto counts = seen.histogram.counts();
  histogram.mutable_counts()->Add(counts.begin(), counts.end());
  return packed;
}

bool IsRange(const Range& range) {
  return std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max;
}

std::optional<TensorStatistics> Unpack(const engine::v1::GatheredTensor& packed) {
  TensorStatistics seen{.min_max = {packed.min(), packed.max()},
                        .moving_average = {packed.average_min(), packed.average_max()},
                        .histogram = {}};
  if (!IsRange(seen.min_max) || !IsRange(seen.moving_average)) return std::nullopt;
  if (!packed.has_histogram()) return seen;
  const engine::v1::GatheredHistogram& histogram = packed.histogram();
  const auto size = static_cast<size_t>(histogram.counts_size());
  std::optional<Histogram> unpacked = Histogram::FromCounts(
      histogram.exponent(), {histogram.counts().data(), size}, histogram.zeros());
  if (!unpacked.has_value()) return std::nullopt;
  seen.histogram = *std::move(unpacked);
  return seen;
}

bool IsActivation(const Model& model, int32_t index) {
  if (index < 0 || index >= std::ssize(model.graph().tensors)) return false;
  const TensorIndex tensor{index};
  return model.tensor(tensor).type == schema::TensorType_FLOAT32 && !model.IsConstant(tensor);
}

}  // namespace

std::string WriteStatistics(const CalibrationStatistics& statistics, const std::string& key) {
  engine::v1::GatheredStatistics gathered;
  for (const auto& [tensor, seen] : statistics) *gathered.add_tensors() = Pack(tensor, seen);
  engine::v1::KeptStatistics kept;
  kept.set_key(key);
  kept.set_gathered(gathered.SerializeAsString());
  kept.set_digest(Sha256Hex(kept.gathered()));
  return kept.SerializeAsString();
}

std::optional<CalibrationStatistics> ReadStatistics(absl::string_view bytes, const std::string& key,
                                                    const Model& model) {
  engine::v1::KeptStatistics kept;
  engine::v1::GatheredStatistics gathered;
  if (!kept.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || kept.key() != key ||
      kept.digest() != Sha256Hex(kept.gathered()) || !gathered.ParseFromString(kept.gathered()) ||
      gathered.tensors().empty()) {
    return std::nullopt;
  }
  CalibrationStatistics statistics;
  for (const engine::v1::GatheredTensor& packed : gathered.tensors()) {
    std::optional<TensorStatistics> seen = Unpack(packed);
    if (!seen.has_value() || !IsActivation(model, packed.tensor())) return std::nullopt;
    const bool is_new =
        statistics.try_emplace(TensorIndex{packed.tensor()}, *std::move(seen)).second;
    if (!is_new) return std::nullopt;
  }
  return statistics;
}

}  // namespace octavo
