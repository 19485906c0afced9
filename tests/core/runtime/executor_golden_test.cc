// The fixtures against LiteRT with its XNNPACK delegate: tests/data/golden/make_runtime_goldens.py
// made the outputs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/graph/fix_shapes.h"
#include "core/runtime/executor.h"
#include "core/tflite/model_reader.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;

std::vector<uint8_t> ReadTestFile(const std::string& path) {
  std::ifstream file(absl::StrCat(std::getenv("OCTAVO_TEST_DATA"), "/", path), std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// How the bytes of NET.u8 become inputs, and which outputs the goldens keep.
struct Net {
  std::string name;
  int height;
  int width;
  int channels;
  int enlargement;
  int model_channels;
  float scale;
  int step;
};

const Net kMnist = {"mnist_cnn", 28, 28, 1, 1, 1, 1.0f / 255, 1};
const Net kResnet = {"resnet18_slim", 32, 32, 3, 1, 3, 1.0f / 255, 1};
const Net kMobilenet = {"mobilenet_v2", 28, 28, 1, 8, 3, 1.0f / 255, 1};
const Net kPortrait = {"portrait_seg", 28, 28, 4, 8, 4, 1.0f / 64, 16};

struct Golden {
  Net net;
  std::string variant;
  std::string runtime;
  // Largest difference: in codes of an integer output, else in parts of a float output's range.
  double tolerance;
};

void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.net.name << " " << golden.variant;
}

Model ReadFixture(const Golden& golden) {
  const std::string folder = golden.variant == "float" ? "models/" : "reference/";
  auto file = std::make_shared<const std::vector<uint8_t>>(
      ReadTestFile(absl::StrCat(folder, golden.net.name, "/", golden.variant, ".tflite")));
  absl::StatusOr<Model> model = ReadModel(file);
  EXPECT_THAT(model, IsOk());
  absl::StatusOr<Model> fixed = FixShapes(*model);
  EXPECT_THAT(fixed, IsOk());
  return *std::move(fixed);
}

template <typename T>
void Quantize(std::span<const float> values, const schema::TensorT& tensor, TensorValue& to) {
  const float scale = tensor.quantization->scale[0];
  const float zero_point = static_cast<float>(tensor.quantization->zero_point[0]);
  const std::span<T> codes = to.mutable_values<T>();
  for (size_t index = 0; index < codes.size(); ++index) {
    const float code = std::nearbyint(values[index] / scale) + zero_point;
    codes[index] = static_cast<T>(
        std::clamp<float>(code, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

TensorValue InputOfImage(const Net& net, std::span<const uint8_t> image,
                         const schema::TensorT& tensor) {
  std::vector<float> values;
  for (int y = 0; y < net.height * net.enlargement; ++y) {
    for (int x = 0; x < net.width * net.enlargement; ++x) {
      const int pixel = (y / net.enlargement * net.width + x / net.enlargement) * net.channels;
      for (int channel = 0; channel < net.model_channels; ++channel) {
        const uint8_t byte = image[pixel + std::min(channel, net.channels - 1)];
        values.push_back(static_cast<float>(byte) * net.scale);
      }
    }
  }
  TensorValue input{.type = tensor.type, .shape = tensor.shape, .bytes = {}};
  input.bytes.resize(*TensorBytes(tensor.type, tensor.shape));
  if (tensor.type == schema::TensorType_FLOAT32) {
    std::memcpy(input.bytes.data(), values.data(), input.bytes.size());
  } else if (tensor.type == schema::TensorType_INT8) {
    Quantize<int8_t>(values, tensor, input);
  } else if (tensor.type == schema::TensorType_UINT8) {
    Quantize<uint8_t>(values, tensor, input);
  } else {
    Quantize<int16_t>(values, tensor, input);
  }
  return input;
}

double ElementAt(schema::TensorType type, std::span<const uint8_t> bytes, size_t index) {
  const TensorView view{type, {}, bytes};
  if (type == schema::TensorType_FLOAT32) return view.values<float>()[index];
  if (type == schema::TensorType_INT16) return view.values<int16_t>()[index];
  if (type == schema::TensorType_UINT8) return bytes[index];
  return view.values<int8_t>()[index];
}

class ExecutorGolden : public ::testing::TestWithParam<Golden> {};

TEST_P(ExecutorGolden, GivesWhatLiteRtGives) {
  const Golden& golden = GetParam();
  const Net& net = golden.net;
  const Model model = ReadFixture(golden);
  auto executor = Executor::Create(model, {});
  ASSERT_THAT(executor, IsOk());
  EXPECT_EQ(executor->runtime(), golden.runtime);

  const std::vector<uint8_t> images =
      ReadTestFile(absl::StrCat("golden/runtime/", net.name, ".u8"));
  const std::vector<uint8_t> want =
      ReadTestFile(absl::StrCat("golden/runtime/", net.name, "_", golden.variant, ".bin"));
  const size_t image_bytes = static_cast<size_t>(net.height) * net.width * net.channels;
  const schema::TensorT& input = model.tensor(TensorIndex{model.graph().inputs[0]});
  size_t compared = 0;
  size_t different = 0;
  double largest = 0;
  double least = 0;
  double most = 0;
  for (size_t image = 0; image < images.size() / image_bytes; ++image) {
    const TensorValue value =
        InputOfImage(net, std::span(images).subspan(image * image_bytes, image_bytes), input);
    ASSERT_THAT(executor->Run({{value.view()}}), IsOk());
    const TensorView got = executor->Output(0);
    const size_t count = static_cast<size_t>(*NumElements(got.shape));
    for (size_t index = 0; index < count; index += net.step) {
      const double expected = ElementAt(got.type, want, compared++);
      const double difference = std::fabs(ElementAt(got.type, got.bytes, index) - expected);
      different += difference > 0;
      largest = std::max(largest, difference);
      least = std::min(least, expected);
      most = std::max(most, expected);
    }
  }
  ASSERT_EQ(compared * ElementBits(executor->Output(0).type) / 8, want.size());
  if (executor->Output(0).type == schema::TensorType_FLOAT32) {
    EXPECT_LE(largest, golden.tolerance * (most - least));
  } else {
    EXPECT_LE(largest, golden.tolerance);
    EXPECT_LE(static_cast<double>(different), 0.001 * static_cast<double>(compared));
  }
}

// Probabilities of the dynamic range may differ by 0.01: two kernels round one activation
// differently.
constexpr double kFloatPart = 1e-4;
constexpr double kDynamic = 0.01;

std::vector<Golden> AllGoldens() {
  const std::string all = "XNNPACK";
  const std::string softmax = "XNNPACK + own kernels (SOFTMAX)";
  const std::string depthwise = "XNNPACK + own kernels (DEPTHWISE_CONV_2D)";
  return {
      {kMnist, "float", all, kFloatPart},
      {kMnist, "float16", all, kFloatPart},
      {kMnist, "dynamic_int8", all, kFloatPart},
      {kMnist, "int8_float_io", all, 1e-6},
      {kMnist, "int8_int8_io", all, 1},
      {kMnist, "int8_uint8_io", all, 1},
      {kMnist, "int16x8_float_io", "own kernels", 1e-6},
      {kMnist, "int16x8_int16_io", "own kernels", 1},
      {kResnet, "float", all, kFloatPart},
      {kResnet, "float16", all, kFloatPart},
      {kResnet, "dynamic_int8", all, kFloatPart},
      {kResnet, "int8_float_io", softmax, 1e-6},
      {kResnet, "int8_int8_io", softmax, 1},
      {kResnet, "int8_uint8_io", softmax, 1},
      {kResnet, "int16x8_float_io", "own kernels", 1e-6},
      {kResnet, "int16x8_int16_io", "own kernels", 1},
      {kMobilenet, "float", all, kFloatPart},
      {kMobilenet, "int8_int8_io", softmax, 1},
      {kMobilenet, "dynamic_int8", depthwise, kDynamic},
      {kPortrait, "float", all, kFloatPart},
      {kPortrait, "float16", all, kFloatPart},
      {kPortrait, "dynamic_int8", depthwise, kDynamic},
  };
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ExecutorGolden, ::testing::ValuesIn(AllGoldens()),
                         [](const auto& info) {
                           return absl::StrCat(info.param.net.name, "_", info.param.variant);
                         });

// One run with taps gives the bytes of a run without, in whatever backend, and shows each
// activation once.
class ExecutorTaps : public ::testing::TestWithParam<Golden> {};

TEST_P(ExecutorTaps, ChangeNothing) {
  const Golden& golden = GetParam();
  const Model model = ReadFixture(golden);
  const std::vector<uint8_t> images =
      ReadTestFile(absl::StrCat("golden/runtime/", golden.net.name, ".u8"));
  const TensorValue input =
      InputOfImage(golden.net, images, model.tensor(TensorIndex{model.graph().inputs[0]}));
  auto plain = Executor::Create(model, {});
  auto tapped = Executor::Create(model, {.tap_activations = true});
  ASSERT_THAT(plain, IsOk());
  ASSERT_THAT(tapped, IsOk());
  ASSERT_THAT(plain->Run({{input.view()}}), IsOk());
  std::map<TensorIndex, int> seen;
  ASSERT_THAT(tapped->Run({{input.view()}},
                          [&](TensorIndex tensor, const TensorView& value) {
                            ++seen[tensor];
                            EXPECT_EQ(static_cast<int64_t>(value.bytes.size()),
                                      *TensorBytes(value.type, value.shape));
                            return absl::OkStatus();
                          }),
              IsOk());
  EXPECT_THAT(tapped->Output(0).bytes, ::testing::ElementsAreArray(plain->Output(0).bytes));
  EXPECT_EQ(seen[TensorIndex{model.graph().inputs[0]}], 1);
  for (const auto& op : model.graph().operators) {
    const TensorIndex output = OutputOf(*op, 0);
    const bool widened = model.OperatorType(*op) == schema::BuiltinOperator_DEQUANTIZE &&
                         model.IsConstant(InputOf(*op, 0));
    EXPECT_EQ(seen[output], widened ? 0 : 1) << model.TensorName(output);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures, ExecutorTaps,
    ::testing::Values(Golden{kMnist, "float", "", 0}, Golden{kMnist, "int8_uint8_io", "", 0},
                      Golden{kResnet, "float", "", 0}, Golden{kResnet, "int8_int8_io", "", 0},
                      Golden{kResnet, "dynamic_int8", "", 0}, Golden{kMobilenet, "float", "", 0},
                      Golden{kMobilenet, "int8_int8_io", "", 0},
                      Golden{kMobilenet, "dynamic_int8", "", 0},
                      Golden{kPortrait, "float16", "", 0}),
    [](const auto& info) { return absl::StrCat(info.param.net.name, "_", info.param.variant); });

}  // namespace
}  // namespace octavo
