#include "core/runtime/row_quantization.h"

#include <cmath>

#include "core/runtime/reference/int16_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octavo {
namespace {

constexpr float kLowest = -128.0f;
constexpr float kHighest = 127.0f;
// Larger products end at the highest code whatever the zero point is.
constexpr float kOverflow = 32767.0f;

struct RowRange {
  float min = 0;
  float max = 0;
};

// Codes for one unit, and where 0 lies.
struct RowParams {
  float inverse_scale;
  int32_t zero_point;
};

// The arithmetic is XNNPACK's, rounding included: one unit in the last place here turns codes
// elsewhere.
RowParams ParamsOf(RowRange range) {
  const float inverse_scale =
      range.min == range.max ? 1.0f : (kHighest - kLowest) / (range.max - range.min);
  const float lowest = range.min * inverse_scale;
  const float highest = range.max * inverse_scale;
  float zero_point =
      (kLowest + lowest) + (kHighest + highest) > 0 ? kLowest - lowest : kHighest - highest;
  if (!(zero_point > kLowest)) zero_point = kLowest;  // NaN too: the range is not finite
  if (zero_point > kHighest) zero_point = kHighest;
  return {inverse_scale, static_cast<int32_t>(std::lrint(zero_point))};
}

RowRange RangeOf(const reference::Int16Kernels& kernels, std::span<const float> values) {
  RowRange range;
  kernels.find_range(values, &range.min, &range.max);
  return range;
}

void CodesPlain(std::span<const float> values, RowParams params, int8_t* codes) {
  for (size_t index = 0; index < values.size(); ++index) {
    const float product = values[index] * params.inverse_scale;
    // NaN becomes the highest code, as the vector instruction below makes it.
    const float bounded = product < kOverflow ? std::fmax(product, -kOverflow) : kOverflow;
    const int64_t code = std::lrint(bounded) + params.zero_point;
    codes[index] = static_cast<int8_t>(code < -128 ? -128 : code > 127 ? 127 : code);
  }
}

#if defined(__x86_64__)

#define OCTAVO_AVX2 __attribute__((target("avx2")))

OCTAVO_AVX2 void CodesAvx2(std::span<const float> values, RowParams params, int8_t* codes) {
  const __m256 scale = _mm256_set1_ps(params.inverse_scale);
  const __m256 overflow = _mm256_set1_ps(kOverflow);
  const __m256i zero_point = _mm256_set1_epi16(static_cast<int16_t>(params.zero_point));
  size_t index = 0;
  for (; index + 16 <= values.size(); index += 16) {
    const float* from = values.data() + index;
    const __m256i first =
        _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(_mm256_loadu_ps(from), scale), overflow));
    const __m256i second = _mm256_cvtps_epi32(
        _mm256_min_ps(_mm256_mul_ps(_mm256_loadu_ps(from + 8), scale), overflow));
    const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(first, second), zero_point);
    // Packing works within 128-bit lanes: 0 2 1 3 is the order of quarters that puts them right.
    const __m256i ordered = _mm256_permute4x64_epi64(words, _MM_SHUFFLE(3, 1, 2, 0));
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + index), bytes);
  }
  CodesPlain(values.subspan(index), params, codes + index);
}

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}

#endif

}  // namespace

RowQuantization QuantizeRowPlain(std::span<const float> values, int8_t* codes) {
  const RowParams params = ParamsOf(RangeOf(*reference::RunnableInt16Kernels()[0], values));
  CodesPlain(values, params, codes);
  return {params.zero_point, 1.0f / params.inverse_scale};
}

RowQuantization QuantizeRow(std::span<const float> values, int8_t* codes) {
#if defined(__x86_64__)
  if (HasAvx2()) {
    const RowParams params = ParamsOf(RangeOf(reference::BestInt16Kernels(), values));
    CodesAvx2(values, params, codes);
    return {params.zero_point, 1.0f / params.inverse_scale};
  }
#endif
  return QuantizeRowPlain(values, codes);
}

}  // namespace octavo
