// The kernels beside LiteRT's reference kernels, whose results
// tests/data/golden/make_kernel_goldens.py has stored.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/tflite/model_reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/runtime/reference/golden_cases.h"
#include "tests/core/runtime/reference/model_run.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using Bytes = std::vector<uint8_t>;

struct Difference {
  double largest = 0;
  int64_t count = 0;  // of values that differ, or, of floats, by more than 1e-5 of the largest
  int64_t size = 0;
};

template <typename T>
Difference Compare(const Bytes& ours, const Bytes& theirs) {
  Difference difference;
  difference.size = static_cast<int64_t>(theirs.size() / sizeof(T));
  const T* a = reinterpret_cast<const T*>(ours.data());
  const T* b = reinterpret_cast<const T*>(theirs.data());
  double magnitude = 0;
  for (int64_t i = 0; i < difference.size; ++i) {
    magnitude = std::max(magnitude, std::abs(static_cast<double>(b[i])));
  }
  const double allowed = std::is_floating_point_v<T> ? 1e-5 * std::max(magnitude, 1.0) : 0;
  for (int64_t i = 0; i < difference.size; ++i) {
    const double distance = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    difference.largest = std::max(difference.largest, distance);
    difference.count += distance > allowed ? 1 : 0;
  }
  return difference;
}

Difference Compare(schema::TensorType type, const Bytes& ours, const Bytes& theirs) {
  switch (type) {
    case schema::TensorType_FLOAT32:
      return Compare<float>(ours, theirs);
    case schema::TensorType_INT16:
      return Compare<int16_t>(ours, theirs);
    case schema::TensorType_INT32:
      return Compare<int32_t>(ours, theirs);
    case schema::TensorType_INT64:
      return Compare<int64_t>(ours, theirs);
    case schema::TensorType_INT8:
      return Compare<int8_t>(ours, theirs);
    default:
      return Compare<uint8_t>(ours, theirs);
  }
}

// One code in a hundred may differ, by one; floats by rounding only.
void ExpectLikeLiteRt(schema::TensorType type, const Bytes& ours, const Bytes& theirs) {
  ASSERT_EQ(ours.size(), theirs.size());
  const Difference difference = Compare(type, ours, theirs);
  if (type == schema::TensorType_FLOAT32) {
    EXPECT_EQ(difference.count, 0)
        << "of " << difference.size << ", largest difference " << difference.largest;
    return;
  }
  EXPECT_LE(difference.largest, 1);
  EXPECT_LE(difference.count * 100, difference.size) << "largest " << difference.largest;
}

class KernelGolden : public testing::TestWithParam<const char*> {};

TEST_P(KernelGolden, GivesWhatLiteRtsReferenceKernelsGive) {
  const std::vector<GoldenCase> cases = ReadGoldens(GetParam());
  ASSERT_FALSE(cases.empty());
  for (const GoldenCase& golden : cases) {
    SCOPED_TRACE(golden.name);
    const auto model = ReadModel(std::make_shared<const Bytes>(golden.model));
    ASSERT_THAT(model, IsOk());
    auto run = ModelRun::Create(*model);
    EXPECT_THAT(run, IsOk());
    if (!run.ok()) continue;
    // Twice: a kernel keeps nothing between runs.
    run->Run(golden.inputs);
    const std::vector<Bytes> outputs = run->Run(golden.inputs);
    ASSERT_EQ(outputs.size(), golden.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorIndex index{model->graph().outputs[i]};
      ExpectLikeLiteRt(model->tensor(index).type, outputs[i], golden.outputs[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, KernelGolden,
                         testing::Values("conv_2d", "depthwise_conv_2d", "transpose_conv",
                                         "fully_connected", "batch_matmul", "arithmetic", "unary",
                                         "normalization", "reduce", "movers", "selections",
                                         "conversions", "nets"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace octavo
