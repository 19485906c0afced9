#include "core/tflite/fake_quant.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

int32_t LowestCode(const schema::FakeQuantOptionsT& options) {
  return options.narrow_range ? 1 : 0;
}

int32_t HighestCode(const schema::FakeQuantOptionsT& options) {
  return (1 << options.num_bits) - 1;
}

float ScaleOf(const schema::FakeQuantOptionsT& options) {
  return (options.max - options.min) /
         static_cast<float>(HighestCode(options) - LowestCode(options));
}

}  // namespace

float FakeQuantCodes::Round(float value) const {
  const float clamped = std::clamp(value, min(), max());
  return std::round((clamped - min()) * (1.0f / scale)) * scale + min();
}

std::vector<float> FakeQuantCodes::Round(std::span<const float> values) const {
  std::vector<float> rounded(values.size());
  std::ranges::transform(values, rounded.begin(), [this](float value) { return Round(value); });
  return rounded;
}

absl::Status CheckFakeQuant(const schema::FakeQuantOptionsT& options) {
  if (options.num_bits < 2 || options.num_bits > 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("the number of bits is ", options.num_bits, ", not 2 to 16"));
  }
  // Not a number compares false.
  if (!(options.min < options.max) || !std::isnormal(ScaleOf(options))) {
    return absl::InvalidArgumentError(
        absl::StrCat("the range is [", options.min, ", ", options.max, "]"));
  }
  return absl::OkStatus();
}

FakeQuantCodes CodesOf(const schema::FakeQuantOptionsT& options) {
  FakeQuantCodes codes{
      .scale = ScaleOf(options), .lowest = LowestCode(options), .highest = HighestCode(options)};
  const float zero = static_cast<float>(codes.lowest) - options.min / codes.scale;
  codes.zero_point = static_cast<int32_t>(std::round(
      std::clamp(zero, static_cast<float>(codes.lowest), static_cast<float>(codes.highest))));
  return codes;
}

}  // namespace octavo
