#include "core/tflite/block_scales.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/tflite/tensor_value.h"

namespace octavo {
namespace {

// Sums of products of 8 bits over a block stay within 32.
constexpr int32_t kMaxBlockSize = 1 << 16;

}  // namespace

std::optional<BlockScales> ReadBlockScales(const Model& model, TensorIndex tensor) {
  const schema::TensorT& weights = model.tensor(tensor);
  if (weights.quantization == nullptr) return std::nullopt;
  const auto* blocks = weights.quantization->details.AsBlockwiseQuantization();
  const std::optional<int64_t> count = NumElements(weights.shape);
  const bool is_there = blocks != nullptr && blocks->zero_points < 0 && blocks->block_size > 0 &&
                        blocks->block_size <= kMaxBlockSize && count && !weights.shape.empty() &&
                        weights.shape.back() % blocks->block_size == 0;
  if (!is_there) return std::nullopt;
  const TensorIndex place{static_cast<int32_t>(blocks->scales)};
  if (model.tensor(place).type != schema::TensorType_FLOAT16) return std::nullopt;
  const std::span<const _Float16> scales = model.ConstantValues<_Float16>(place);
  if (static_cast<int64_t>(scales.size()) != *count / blocks->block_size) return std::nullopt;
  BlockScales found{.block_size = blocks->block_size, .scales = {scales.begin(), scales.end()}};
  const bool are_scales = std::ranges::all_of(
      found.scales, [](float scale) { return std::isfinite(scale) && scale > 0; });
  return are_scales ? std::optional(std::move(found)) : std::nullopt;
}

}  // namespace octavo
