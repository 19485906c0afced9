#include "core/runtime/reference/int16_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#define OCTAVO_AVX2 __attribute__((target("avx2")))
#define OCTAVO_AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#endif

namespace octavo::reference {
namespace {

constexpr int64_t kBlockPairs = kBlockProducts / 2;

// Plain: for any CPU, and what the others are tested against.

void MultiplyPlain(const int16_t* rows, int64_t row_stride, int num_rows, const int16_t* panel,
                   int64_t depth_pairs, int64_t* sums) {
  std::fill_n(sums, num_rows * kPanelChannels, 0);
  for (int row = 0; row < num_rows; ++row, sums += kPanelChannels) {
    const int16_t* values = rows + row * row_stride;
    for (int64_t pair = 0; pair < depth_pairs; ++pair) {
      const int16_t* weights = panel + pair * 2 * kPanelChannels;
      const int32_t first = values[2 * pair];
      const int32_t second = values[2 * pair + 1];
      for (int channel = 0; channel < kPanelChannels; ++channel) {
        sums[channel] += first * weights[2 * channel] + second * weights[2 * channel + 1];
      }
    }
  }
}

void DepthwisePlain(const int16_t* const* inputs, const int16_t* const* weights, int num_taps,
                    int channels, int64_t* sums) {
  std::fill_n(sums, channels, 0);
  for (int tap = 0; tap < num_taps; ++tap) {
    for (int channel = 0; channel < channels; ++channel) {
      sums[channel] += int32_t{inputs[tap][channel]} * weights[tap][channel];
    }
  }
}

void RequantizePlain(const int64_t* sums, const WideRequantization& requantization, int channel,
                     int count, int16_t* codes) {
  for (int i = 0; i < count; ++i) {
    const int64_t sum = WrapAdd(sums[i], requantization.bias[channel + i]);
    const WideMultiplier multiplier{static_cast<int32_t>(requantization.mantissa[channel + i]),
                                    static_cast<int>(requantization.right_shift[channel + i])};
    codes[i] = static_cast<int16_t>(
        Clamp(Multiply(sum, multiplier), requantization.min, requantization.max));
  }
}

void RescalePlain(const int64_t* sums, const FloatRescaling& rescaling, float input_scale,
                  int channel, int count, float* values) {
  for (int i = 0; i < count; ++i) {
    const float scale = rescaling.scale[channel + i];
    const auto sum = static_cast<float>(static_cast<int32_t>(sums[i]));
    const float product =
        rescaling.is_input_scale_last ? (sum * scale) * input_scale : sum * (scale * input_scale);
    values[i] = Clamp(product + rescaling.bias[channel + i], rescaling.min, rescaling.max);
  }
}

void FindRangePlain(std::span<const float> values, float* min, float* max) {
  *min = 0;
  *max = 0;
  for (const float value : values) {
    *min = value < *min ? value : *min;
    *max = value > *max ? value : *max;
  }
}

void QuantizePlain(std::span<const float> values, QuantizedRange range, int16_t* codes) {
  for (size_t i = 0; i < values.size(); ++i) {
    const float exact = values[i] * range.inverse_scale;
    const float rounded = std::trunc(exact + (exact < 0 ? -0.5f : 0.5f));
    // Clamped before it is made an integer, in a way that sends NaN to the lower end.
    const float above = rounded > range.min ? rounded : range.min;
    codes[i] = static_cast<int16_t>(above < range.max ? above : range.max);
  }
}

constexpr Int16Kernels kPlain = {"plain",      MultiplyPlain,  DepthwisePlain, RequantizePlain,
                                 RescalePlain, FindRangePlain, QuantizePlain};

#if defined(__x86_64__)

// AVX2

OCTAVO_AVX2 inline __m256i BroadcastPair(const int16_t* pair) {
  int32_t bits;
  std::memcpy(&bits, pair, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

// Adds eight 32-bit sums to eight 64-bit ones in memory.
OCTAVO_AVX2 inline void AddWidened(__m256i narrow, int64_t* sums) {
  auto* low = reinterpret_cast<__m256i*>(sums);
  auto* high = reinterpret_cast<__m256i*>(sums + 4);
  const __m256i first = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(narrow));
  const __m256i second = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(narrow, 1));
  _mm256_storeu_si256(low, _mm256_add_epi64(_mm256_loadu_si256(low), first));
  _mm256_storeu_si256(high, _mm256_add_epi64(_mm256_loadu_si256(high), second));
}

template <int kRows>
OCTAVO_AVX2 void MultiplyRowsAvx2(const int16_t* rows, int64_t row_stride, const int16_t* panel,
                                  int64_t depth_pairs, int64_t* sums) {
  std::fill_n(sums, kRows * kPanelChannels, 0);
  for (int64_t begin = 0; begin < depth_pairs; begin += kBlockPairs) {
    const int64_t end = std::min(begin + kBlockPairs, depth_pairs);
    __m256i low[kRows];
    __m256i high[kRows];
    for (int row = 0; row < kRows; ++row) low[row] = high[row] = _mm256_setzero_si256();
    for (int64_t pair = begin; pair < end; ++pair) {
      const auto* weights = reinterpret_cast<const __m256i*>(panel + pair * 2 * kPanelChannels);
      const __m256i weights_low = _mm256_loadu_si256(weights);
      const __m256i weights_high = _mm256_loadu_si256(weights + 1);
      for (int row = 0; row < kRows; ++row) {
        const __m256i values = BroadcastPair(rows + row * row_stride + 2 * pair);
        low[row] = _mm256_add_epi32(low[row], _mm256_madd_epi16(values, weights_low));
        high[row] = _mm256_add_epi32(high[row], _mm256_madd_epi16(values, weights_high));
      }
    }
    for (int row = 0; row < kRows; ++row) {
      AddWidened(low[row], sums + row * kPanelChannels);
      AddWidened(high[row], sums + row * kPanelChannels + 8);
    }
  }
}

OCTAVO_AVX2 void MultiplyAvx2(const int16_t* rows, int64_t row_stride, int num_rows,
                              const int16_t* panel, int64_t depth_pairs, int64_t* sums) {
  int row = 0;
  for (; row + 4 <= num_rows; row += 4) {
    MultiplyRowsAvx2<4>(rows + row * row_stride, row_stride, panel, depth_pairs,
                        sums + row * kPanelChannels);
  }
  for (; row < num_rows; ++row) {
    MultiplyRowsAvx2<1>(rows + row * row_stride, row_stride, panel, depth_pairs,
                        sums + row * kPanelChannels);
  }
}

OCTAVO_AVX2 void DepthwiseAvx2(const int16_t* const* inputs, const int16_t* const* weights,
                               int num_taps, int channels, int64_t* sums) {
  int channel = 0;
  for (; channel + 16 <= channels; channel += 16) {
    std::fill_n(sums + channel, 16, 0);
    for (int begin = 0; begin < num_taps; begin += kBlockProducts) {
      const int end = std::min(begin + kBlockProducts, num_taps);
      // Channels 0-3 and 8-11; channels 4-7 and 12-15.
      __m256i first = _mm256_setzero_si256();
      __m256i second = _mm256_setzero_si256();
      for (int tap = begin; tap < end; ++tap) {
        const __m256i x =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(inputs[tap] + channel));
        const __m256i w =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights[tap] + channel));
        const __m256i low = _mm256_mullo_epi16(x, w);
        const __m256i high = _mm256_mulhi_epi16(x, w);
        first = _mm256_add_epi32(first, _mm256_unpacklo_epi16(low, high));
        second = _mm256_add_epi32(second, _mm256_unpackhi_epi16(low, high));
      }
      AddWidened(_mm256_permute2x128_si256(first, second, 0x20), sums + channel);
      AddWidened(_mm256_permute2x128_si256(first, second, 0x31), sums + channel + 8);
    }
  }
  for (; channel < channels; ++channel) {
    int64_t sum = 0;
    for (int tap = 0; tap < num_taps; ++tap) {
      sum += int32_t{inputs[tap][channel]} * weights[tap][channel];
    }
    sums[channel] = sum;
  }
}

OCTAVO_AVX2 inline __m256i LoadFour(const int64_t* values) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
}

// Four codes as 64-bit lanes whose low halves count.
OCTAVO_AVX2 inline __m256i RequantizeFourAvx2(const int64_t* sums,
                                              const WideRequantization& requantization,
                                              int channel) {
  const __m256i mantissa = LoadFour(requantization.mantissa.data() + channel);
  const __m256i shift = LoadFour(requantization.right_shift.data() + channel);
  const __m256i one = _mm256_set1_epi64x(1);
  const __m256i sum =
      _mm256_add_epi64(LoadFour(sums), LoadFour(requantization.bias.data() + channel));
  // The product modulo 2^64, of the halves.
  const __m256i low = _mm256_mul_epu32(sum, mantissa);
  const __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(sum, 32), mantissa);
  const __m256i product = _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
  const __m256i half = _mm256_sllv_epi64(one, _mm256_sub_epi64(shift, one));
  const __m256i rounded = _mm256_add_epi64(product, half);
  // There is no arithmetic shift of 64-bit lanes: shift in zeros, then extend the sign.
  const __m256i sign = _mm256_srlv_epi64(_mm256_slli_epi64(one, 63), shift);
  const __m256i shifted = _mm256_srlv_epi64(rounded, shift);
  return _mm256_sub_epi64(_mm256_xor_si256(shifted, sign), sign);
}

OCTAVO_AVX2 void RequantizeAvx2(const int64_t* sums, const WideRequantization& requantization,
                                int channel, int count, int16_t* codes) {
  const __m256i min = _mm256_set1_epi32(requantization.min);
  const __m256i max = _mm256_set1_epi32(requantization.max);
  const __m256i even_lanes = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i first = _mm256_permutevar8x32_epi32(
        RequantizeFourAvx2(sums + i, requantization, channel + i), even_lanes);
    const __m256i second = _mm256_permutevar8x32_epi32(
        RequantizeFourAvx2(sums + i + 4, requantization, channel + i + 4), even_lanes);
    const __m256i joined = _mm256_blend_epi32(first, second, 0xf0);
    const __m256i clamped = _mm256_min_epi32(_mm256_max_epi32(joined, min), max);
    const __m128i narrow =
        _mm_packs_epi32(_mm256_castsi256_si128(clamped), _mm256_extracti128_si256(clamped, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), narrow);
  }
  RequantizePlain(sums + i, requantization, channel + i, count - i, codes + i);
}

OCTAVO_AVX2 void RescaleAvx2(const int64_t* sums, const FloatRescaling& rescaling,
                             float input_scale, int channel, int count, float* values) {
  const __m256 all_scale = _mm256_set1_ps(input_scale);
  const __m256 min = _mm256_set1_ps(rescaling.min);
  const __m256 max = _mm256_set1_ps(rescaling.max);
  const __m256i even_lanes = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256i first = _mm256_permutevar8x32_epi32(LoadFour(sums + i), even_lanes);
    const __m256i second = _mm256_permutevar8x32_epi32(LoadFour(sums + i + 4), even_lanes);
    const __m256 sum = _mm256_cvtepi32_ps(_mm256_blend_epi32(first, second, 0xf0));
    const __m256 scale = _mm256_loadu_ps(rescaling.scale.data() + channel + i);
    const __m256 product = rescaling.is_input_scale_last
                               ? _mm256_mul_ps(_mm256_mul_ps(sum, scale), all_scale)
                               : _mm256_mul_ps(sum, _mm256_mul_ps(scale, all_scale));
    const __m256 bias = _mm256_loadu_ps(rescaling.bias.data() + channel + i);
    const __m256 value = _mm256_add_ps(product, bias);
    // A NaN in the second operand stays.
    _mm256_storeu_ps(values + i, _mm256_min_ps(max, _mm256_max_ps(min, value)));
  }
  RescalePlain(sums + i, rescaling, input_scale, channel + i, count - i, values + i);
}

OCTAVO_AVX2 void FindRangeAvx2(std::span<const float> values, float* min, float* max) {
  __m256 least = _mm256_setzero_ps();
  __m256 greatest = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    // Of a NaN in the first operand, these give the second one.
    const __m256 value = _mm256_loadu_ps(values.data() + i);
    least = _mm256_min_ps(value, least);
    greatest = _mm256_max_ps(value, greatest);
  }
  float lanes[8];
  FindRangePlain(values.subspan(i), min, max);
  _mm256_storeu_ps(lanes, least);
  for (const float lane : lanes) *min = std::min(*min, lane);
  _mm256_storeu_ps(lanes, greatest);
  for (const float lane : lanes) *max = std::max(*max, lane);
}

OCTAVO_AVX2 void QuantizeAvx2(std::span<const float> values, QuantizedRange range, int16_t* codes) {
  const __m256 inverse_scale = _mm256_set1_ps(range.inverse_scale);
  const __m256 sign_bit = _mm256_set1_ps(-0.0f);
  const __m256 half = _mm256_set1_ps(0.5f);
  const __m256 min = _mm256_set1_ps(range.min);
  const __m256 max = _mm256_set1_ps(range.max);
  size_t i = 0;
  for (; i + 8 <= values.size(); i += 8) {
    const __m256 exact = _mm256_mul_ps(_mm256_loadu_ps(values.data() + i), inverse_scale);
    const __m256 signed_half = _mm256_or_ps(half, _mm256_and_ps(sign_bit, exact));
    const __m256 shifted = _mm256_add_ps(exact, signed_half);
    // The clamp sends NaN to the lower end, and leaves what truncation cannot overflow.
    const __m256 clamped = _mm256_min_ps(_mm256_max_ps(shifted, min), max);
    const __m256i code = _mm256_cvttps_epi32(clamped);
    const __m128i narrow =
        _mm_packs_epi32(_mm256_castsi256_si128(code), _mm256_extracti128_si256(code, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), narrow);
  }
  QuantizePlain(values.subspan(i), range, codes + i);
}

constexpr Int16Kernels kAvx2 = {"avx2",      MultiplyAvx2,  DepthwiseAvx2, RequantizeAvx2,
                                RescaleAvx2, FindRangeAvx2, QuantizeAvx2};

// AVX-512 with VNNI: two products and a sum in one instruction.

template <int kRows>
OCTAVO_AVX512 void MultiplyRowsAvx512(const int16_t* rows, int64_t row_stride, const int16_t* panel,
                                      int64_t depth_pairs, int64_t* sums) {
  std::fill_n(sums, kRows * kPanelChannels, 0);
  for (int64_t begin = 0; begin < depth_pairs; begin += kBlockPairs) {
    const int64_t end = std::min(begin + kBlockPairs, depth_pairs);
    __m512i narrow[kRows];
    for (int row = 0; row < kRows; ++row) narrow[row] = _mm512_setzero_si512();
    for (int64_t pair = begin; pair < end; ++pair) {
      const __m512i weights = _mm512_loadu_si512(panel + pair * 2 * kPanelChannels);
      for (int row = 0; row < kRows; ++row) {
        int32_t bits;
        std::memcpy(&bits, rows + row * row_stride + 2 * pair, sizeof(bits));
        narrow[row] = _mm512_dpwssd_epi32(narrow[row], _mm512_set1_epi32(bits), weights);
      }
    }
    for (int row = 0; row < kRows; ++row) {
      AddWidened(_mm512_castsi512_si256(narrow[row]), sums + row * kPanelChannels);
      AddWidened(_mm512_extracti64x4_epi64(narrow[row], 1), sums + row * kPanelChannels + 8);
    }
  }
}

OCTAVO_AVX512 void MultiplyAvx512(const int16_t* rows, int64_t row_stride, int num_rows,
                                  const int16_t* panel, int64_t depth_pairs, int64_t* sums) {
  int row = 0;
  for (; row + 8 <= num_rows; row += 8) {
    MultiplyRowsAvx512<8>(rows + row * row_stride, row_stride, panel, depth_pairs,
                          sums + row * kPanelChannels);
  }
  for (; row < num_rows; ++row) {
    MultiplyRowsAvx512<1>(rows + row * row_stride, row_stride, panel, depth_pairs,
                          sums + row * kPanelChannels);
  }
}

OCTAVO_AVX512 void RequantizeAvx512(const int64_t* sums, const WideRequantization& requantization,
                                    int channel, int count, int16_t* codes) {
  const __m256i min = _mm256_set1_epi32(requantization.min);
  const __m256i max = _mm256_set1_epi32(requantization.max);
  const __m512i one = _mm512_set1_epi64(1);
  int i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m512i mantissa = _mm512_loadu_si512(requantization.mantissa.data() + channel + i);
    const __m512i shift = _mm512_loadu_si512(requantization.right_shift.data() + channel + i);
    const __m512i bias = _mm512_loadu_si512(requantization.bias.data() + channel + i);
    const __m512i sum = _mm512_add_epi64(_mm512_loadu_si512(sums + i), bias);
    const __m512i half = _mm512_sllv_epi64(one, _mm512_sub_epi64(shift, one));
    const __m512i rounded = _mm512_add_epi64(_mm512_mullo_epi64(sum, mantissa), half);
    const __m256i code = _mm512_cvtepi64_epi32(_mm512_srav_epi64(rounded, shift));
    const __m256i clamped = _mm256_min_epi32(_mm256_max_epi32(code, min), max);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(codes + i), _mm256_cvtepi32_epi16(clamped));
  }
  RequantizePlain(sums + i, requantization, channel + i, count - i, codes + i);
}

constexpr Int16Kernels kAvx512 = {"avx512-vnni", MultiplyAvx512, DepthwiseAvx2, RequantizeAvx512,
                                  RescaleAvx2,   FindRangeAvx2,  QuantizeAvx2};

bool HasAvx2() { return __builtin_cpu_supports("avx2"); }
bool HasAvx512() {
  return HasAvx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vnni");
}

#endif  // __x86_64__

std::vector<const Int16Kernels*> FindRunnable() {
  std::vector<const Int16Kernels*> kernels = {&kPlain};
#if defined(__x86_64__)
  if (HasAvx2()) kernels.push_back(&kAvx2);
  if (HasAvx512()) kernels.push_back(&kAvx512);
#endif
  return kernels;
}

}  // namespace

PackedWeights::PackedWeights(std::span<const int8_t> weights, int channels, int64_t depth)
    : channels_(channels), depth_(depth) {
  values_.assign(num_panels() * depth_pairs() * 2 * kPanelChannels, 0);
  for (int channel = 0; channel < channels; ++channel) {
    int16_t* panel = values_.data() +
                     (channel / kPanelChannels) * depth_pairs() * 2 * kPanelChannels +
                     2 * (channel % kPanelChannels);
    for (int64_t index = 0; index < depth; ++index) {
      panel[(index / 2) * 2 * kPanelChannels + index % 2] =
          static_cast<int16_t>(weights[channel * depth + index]);
    }
  }
}

std::span<const Int16Kernels* const> RunnableInt16Kernels() {
  static const auto& kernels = *new std::vector<const Int16Kernels*>(FindRunnable());
  return kernels;
}

const Int16Kernels& BestInt16Kernels() { return *RunnableInt16Kernels().back(); }

}  // namespace octavo::reference
