#include "core/quantize/rounding.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "core/base/lanes.h"

namespace octavo {
namespace {

// The largest float below a half. Added to a value before it is cut off, it rounds halves away from
// zero as round() does, for all values of up to 22 bits: a half itself would also lift the value
// just below it.
constexpr float kAlmostHalf = 0x0.ffffffp-1f;

struct CodeParams {
  float inverse_scale;
  int32_t zero_point;
};

// The low bytes of eight codes. A conversion of the vector would go through general registers.
[[gnu::always_inline]] inline void StoreLow(const IntLanes& code, int8_t* codes) {
  typedef int8_t Bytes __attribute__((vector_size(sizeof(IntLanes))));
  const auto bytes = reinterpret_cast<Bytes>(code);
  const auto low = __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 16, 20, 24, 28);
  std::memcpy(codes, &low, sizeof(low));
}
[[gnu::always_inline]] inline void StoreLow(const IntLanes& code, int16_t* codes) {
  typedef int16_t Halves __attribute__((vector_size(sizeof(IntLanes))));
  const auto halves = reinterpret_cast<Halves>(code);
  const auto low = __builtin_shufflevector(halves, halves, 0, 2, 4, 6, 8, 10, 12, 14);
  std::memcpy(codes, &low, sizeof(low));
}

// Rounds eight values at a time; gives how many that were.
template <typename T, int32_t kLowest, int32_t kHighest>
[[gnu::always_inline]] inline size_t RoundBlocks(std::span<const float> values, CodeParams params,
                                                 T* codes) {
  // Whole numbers, so that it makes no difference to clamp first.
  const auto lowest = static_cast<float>(kLowest - params.zero_point);
  const auto highest = static_cast<float>(kHighest - params.zero_point);
  constexpr auto kSign = std::numeric_limits<int32_t>::min();
  size_t done = 0;
  for (; done + kLanes <= values.size(); done += kLanes) {
    Lanes value;
    std::memcpy(&value, values.data() + done, sizeof(value));
    value *= params.inverse_scale;
    value = value < lowest ? Lanes{} + lowest : value;
    value = value > highest ? Lanes{} + highest : value;
    const IntLanes half =
        (reinterpret_cast<IntLanes>(value) & kSign) | std::bit_cast<int32_t>(kAlmostHalf);
    const IntLanes whole = __builtin_convertvector(value + reinterpret_cast<Lanes>(half), IntLanes);
    StoreLow(whole + params.zero_point, codes + done);
  }
  return done;
}

// One value as RoundBlocks rounds it; round() is a call.
template <int32_t kLowest, int32_t kHighest>
int32_t RoundSmall(float value, CodeParams params) {
  const float bounded =
      std::clamp(value * params.inverse_scale, static_cast<float>(kLowest - params.zero_point),
                 static_cast<float>(kHighest - params.zero_point));
  return static_cast<int32_t>(bounded + std::copysign(kAlmostHalf, bounded)) + params.zero_point;
}

#if defined(__x86_64__)
template <typename T, int32_t kLowest, int32_t kHighest>
[[gnu::target("avx2")]] size_t RoundBlocksAvx2(std::span<const float> values, CodeParams params,
                                               T* codes) {
  return RoundBlocks<T, kLowest, kHighest>(values, params, codes);
}
#endif

template <typename T, int32_t kLowest, int32_t kHighest>
size_t RoundBlocksPlain(std::span<const float> values, CodeParams params, T* codes) {
  return RoundBlocks<T, kLowest, kHighest>(values, params, codes);
}

template <typename T, int32_t kLowest, int32_t kHighest>
auto FastestRoundBlocks() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return &RoundBlocksAvx2<T, kLowest, kHighest>;
#endif
  return &RoundBlocksPlain<T, kLowest, kHighest>;
}

template <typename T, int32_t kLowest, int32_t kHighest>
void Round(std::span<const float> values, float scale, int32_t zero_point, T* codes) {
  const CodeParams params{1.0f / scale, zero_point};
  size_t done = 0;
  if constexpr (sizeof(T) <= 2) {
    static const auto round_blocks = FastestRoundBlocks<T, kLowest, kHighest>();
    done = round_blocks(values, params, codes);
  }
  for (size_t i = done; i < values.size(); ++i) {
    if constexpr (sizeof(T) <= 2) {
      codes[i] = static_cast<T>(RoundSmall<kLowest, kHighest>(values[i], params));
    } else {
      const double code =
          std::round(static_cast<double>(values[i] * params.inverse_scale)) + zero_point;
      codes[i] = static_cast<T>(std::clamp<double>(code, kLowest, kHighest));
    }
  }
}

// Calls run(first, count, scale, zero_point) for values that are neighbours and have one scale, in
// their order.
template <typename Run>
void ForEachRun(const QuantParams& params, std::span<const float> values,
                std::span<const int32_t> shape, Run run) {
  const ChannelLayout layout = LayoutOf(params, shape);
  CHECK_EQ(layout.channels, static_cast<int64_t>(params.scales.size()));
  CHECK_EQ(layout.outer * layout.channels * layout.inner, static_cast<int64_t>(values.size()));
  int64_t first = 0;
  for (int64_t outer = 0; outer < layout.outer; ++outer) {
    for (int64_t channel = 0; channel < layout.channels; ++channel, first += layout.inner) {
      run(first, layout.inner, params.scales[channel],
          static_cast<int32_t>(params.zero_points[channel]));
    }
  }
}

// Codes of type T, as bytes.
template <typename T, int32_t kLowest, int32_t kHighest>
std::vector<uint8_t> RoundChannels(const QuantParams& params, std::span<const float> values,
                                   std::span<const int32_t> shape) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  T* const codes = reinterpret_cast<T*>(bytes.data());
  ForEachRun(params, values, shape, [&](int64_t first, int64_t count, float scale, int32_t zero) {
    Round<T, kLowest, kHighest>(values.subspan(first, count), scale, zero, codes + first);
  });
  return bytes;
}

// Two codes a byte, the first in the lower half; a last one without another has a byte of its own.
void Pack(std::span<const int8_t> codes, uint8_t* bytes) {
  constexpr size_t kPairs = 16;
  typedef uint16_t Pairs __attribute__((vector_size(kPairs * sizeof(uint16_t))));
  typedef uint8_t Bytes __attribute__((vector_size(kPairs)));
  const size_t pairs = codes.size() / 2;
  size_t done = 0;
  for (; done + kPairs <= pairs; done += kPairs) {
    Pairs both;  // the first code in the lower byte
    std::memcpy(&both, codes.data() + 2 * done, sizeof(both));
    const Bytes packed = __builtin_convertvector((both & 0xf) | ((both >> 4) & 0xf0), Bytes);
    std::memcpy(bytes + done, &packed, sizeof(packed));
  }
  for (size_t i = done; i < pairs; ++i) {
    bytes[i] = static_cast<uint8_t>((codes[2 * i] & 0xf) | codes[2 * i + 1] << 4);
  }
  if (codes.size() % 2 != 0) bytes[pairs] = codes.back() & 0xf;
}

SharedBytes ToInt4(const QuantParams& params, std::span<const float> values,
                   std::span<const int32_t> shape) {
  // Many runs or a part of one: so few codes stay in the nearest cache until they are packed.
  std::array<int8_t, 4096> codes;
  size_t num_codes = 0;
  std::vector<uint8_t> bytes;
  bytes.reserve((values.size() + 1) / 2);
  const auto pack = [&] {
    const size_t packed = bytes.size();
    bytes.resize(packed + (num_codes + 1) / 2);
    Pack({codes.data(), num_codes}, bytes.data() + packed);
    num_codes = 0;
  };
  ForEachRun(params, values, shape, [&](int64_t first, int64_t count, float scale, int32_t zero) {
    std::span<const float> run = values.subspan(first, count);
    while (!run.empty()) {
      const size_t size = std::min(run.size(), codes.size() - num_codes);
      Round<int8_t, -8, 7>(run.first(size), scale, zero, codes.data() + num_codes);
      num_codes += size;
      if (num_codes == codes.size()) pack();
      run = run.subspan(size);
    }
  });
  pack();
  return SharedBytes::Own(std::move(bytes));
}

void HalvesPlain(std::span<const float> values, _Float16* halves) {
  for (size_t i = 0; i < values.size(); ++i) {
    halves[i] = static_cast<_Float16>(std::clamp(values[i], -kLargestFloat16, kLargestFloat16));
  }
}

#if defined(__x86_64__)
__attribute__((target("avx,f16c"))) void HalvesF16c(std::span<const float> values,
                                                    _Float16* halves) {
  const __m256 lowest = _mm256_set1_ps(-kLargestFloat16);
  const __m256 highest = _mm256_set1_ps(kLargestFloat16);
  size_t done = 0;
  for (; done + kLanes <= values.size(); done += kLanes) {
    const __m256 value = _mm256_loadu_ps(values.data() + done);
    const __m256 bounded = _mm256_min_ps(_mm256_max_ps(value, lowest), highest);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(halves + done),
                     _mm256_cvtps_ph(bounded, _MM_FROUND_TO_NEAREST_INT));
  }
  HalvesPlain(values.subspan(done), halves + done);
}
#endif

SharedBytes ToFloat16(std::span<const float> values) {
  static const auto to_halves = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("f16c") && __builtin_cpu_supports("avx")) return &HalvesF16c;
#endif
    return &HalvesPlain;
  }();
  std::vector<uint8_t> bytes(values.size() * sizeof(_Float16));
  to_halves(values, reinterpret_cast<_Float16*>(bytes.data()));
  return SharedBytes::Own(std::move(bytes));
}

}  // namespace

SharedBytes StoreAs(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape) {
  constexpr int32_t kInt32Lowest = std::numeric_limits<int32_t>::min();
  constexpr int32_t kInt32Highest = std::numeric_limits<int32_t>::max();
  switch (type) {
    case schema::TensorType_INT4:
      return ToInt4(params, values, shape);
    case schema::TensorType_INT8:
      return SharedBytes::Own(RoundChannels<int8_t, -128, 127>(params, values, shape));
    case schema::TensorType_INT16:
      return SharedBytes::Own(RoundChannels<int16_t, -32767, 32767>(params, values, shape));
    case schema::TensorType_INT32:
      return SharedBytes::Own(
          RoundChannels<int32_t, kInt32Lowest, kInt32Highest>(params, values, shape));
    case schema::TensorType_INT64:
      return SharedBytes::Own(
          RoundChannels<int64_t, kInt32Lowest, kInt32Highest>(params, values, shape));
    case schema::TensorType_FLOAT16:
      return ToFloat16(values);
    default:
      LOG(FATAL) << "no constant is stored as " << schema::EnumNameTensorType(type);
  }
}

double StoredSqnrDb(schema::TensorType type, const QuantParams& params,
                    std::span<const float> values, std::span<const int32_t> shape) {
  double signal = 0;
  double noise = 0;
  const auto add = [&](float value, double stored) {
    signal += double{value} * value;
    noise += (value - stored) * (value - stored);
  };
  if (type == schema::TensorType_FLOAT16) {
    for (const float value : values) {
      add(value, static_cast<_Float16>(std::clamp(value, -kLargestFloat16, kLargestFloat16)));
    }
  } else {
    const std::vector<uint8_t> bytes = RoundChannels<int8_t, -128, 127>(params, values, shape);
    const auto* codes = reinterpret_cast<const int8_t*>(bytes.data());
    const ChannelLayout layout = LayoutOf(params, shape);
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t channel = static_cast<int64_t>(i) / layout.inner % layout.channels;
      add(values[i], double{params.scales[channel]} *
                         static_cast<double>(codes[i] - params.zero_points[channel]));
    }
  }
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

ChannelLayout LayoutAlong(std::span<const int32_t> shape, int axis) {
  ChannelLayout layout;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    (axis < 0 || i > axis ? layout.inner : i < axis ? layout.outer : layout.channels) *= shape[i];
  }
  return layout;
}

ChannelLayout LayoutOf(const QuantParams& params, std::span<const int32_t> shape) {
  if (params.block_size > 0) {
    return {.channels = static_cast<int64_t>(params.scales.size()), .inner = params.block_size};
  }
  return LayoutAlong(shape, params.scales.size() > 1 ? params.quantized_dimension : -1);
}

}  // namespace octavo
