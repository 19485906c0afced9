// The kernels beside formulas in double arithmetic, on random shapes and parameters.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/runtime/reference/model_run.h"
#include "tests/core/runtime/reference/operator_model.h"
#include "tests/testing/long_run.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using Bytes = std::vector<uint8_t>;
using Reals = std::vector<double>;

constexpr uint32_t kSeed = 77;

int64_t SizeOf(const Shape& shape) { return *NumElements(shape); }

int Between(std::mt19937& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1));
}

template <typename T>
std::vector<T> RandomCodes(std::mt19937& random, int64_t count) {
  std::vector<T> codes(count);
  for (T& code : codes) code = static_cast<T>(random());
  return codes;
}

std::vector<float> RandomFloats(std::mt19937& random, int64_t count, float limit = 2) {
  std::uniform_real_distribution<float> uniform(-limit, limit);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

// The outputs of a model whose kernels must exist; nothing if they do not.
std::vector<Bytes> Outputs(const Model& model, const std::vector<Bytes>& inputs) {
  auto run = ModelRun::Create(model);
  EXPECT_THAT(run, IsOk());
  return run.ok() ? run->Run(inputs) : std::vector<Bytes>();
}

template <typename T>
std::vector<T> Output(const Model& model, const std::vector<Bytes>& inputs) {
  const std::vector<Bytes> outputs = Outputs(model, inputs);
  return outputs.empty() ? std::vector<T>() : ValuesOf<T>(outputs[0]);
}

template <typename T>
Bytes ToBytes(const std::vector<T>& values) {
  return BytesOf<T>(values);
}

// One axis of a convolution, straight from its definition.
struct Axis {
  int input, filter, stride, dilation;
  bool is_same;

  int Reach() const { return (filter - 1) * dilation + 1; }
  int Output() const {
    return is_same ? (input + stride - 1) / stride : (input - Reach() + stride) / stride;
  }
  int Padding() const {
    return is_same ? std::max((Output() - 1) * stride + Reach() - input, 0) / 2 : 0;
  }
  int InputAt(int place, int tap) const { return place * stride + tap * dilation - Padding(); }
  bool Has(int position) const { return position >= 0 && position < input; }
};

Axis RandomAxis(std::mt19937& random, bool is_same) {
  Axis axis = {0, Between(random, 1, 4), Between(random, 1, 3), 1, is_same};
  if (axis.stride == 1) axis.dilation = Between(random, 1, 2);
  axis.input = axis.Reach() + Between(random, 0, 6);
  return axis;
}

struct ConvolutionCase {
  Axis y, x;
  int batches, groups, group_inputs, group_outputs;
  bool is_depthwise = false;

  int Inputs() const { return groups * group_inputs; }
  int Outputs() const { return groups * group_outputs; }
  Shape InputShape() const { return {batches, y.input, x.input, Inputs()}; }
  Shape WeightsShape() const {
    if (is_depthwise) return {1, y.filter, x.filter, Outputs()};
    return {Outputs(), y.filter, x.filter, group_inputs};
  }
  Shape OutputShape() const { return {batches, y.Output(), x.Output(), Outputs()}; }
  int64_t WeightAt(int channel, int tap_y, int tap_x, int i) const {
    const int64_t tap = tap_y * x.filter + tap_x;
    if (is_depthwise) return tap * Outputs() + channel;
    return (channel * int64_t{y.filter} * x.filter + tap) * group_inputs + i;
  }
};

ConvolutionCase RandomConvolution(std::mt19937& random, bool is_depthwise) {
  const bool is_same = random() % 2 == 0;
  ConvolutionCase result = {RandomAxis(random, is_same),
                            RandomAxis(random, is_same),
                            Between(random, 1, 2),
                            1,
                            1,
                            1,
                            is_depthwise};
  result.groups = is_depthwise ? Between(random, 1, 40) : Between(random, 1, 3);
  result.group_inputs = is_depthwise ? 1 : Between(random, 1, 20);
  result.group_outputs = Between(random, 1, is_depthwise ? 2 : 20);
  return result;
}

// weights(index, channel) and input(index) as reals.
Reals Convolve(const ConvolutionCase& shape, const std::function<double(int64_t)>& input,
               const std::function<double(int64_t, int)>& weights, const Reals& bias) {
  Reals sums;
  for (int batch = 0; batch < shape.batches; ++batch) {
    for (int y = 0; y < shape.y.Output(); ++y) {
      for (int x = 0; x < shape.x.Output(); ++x) {
        for (int channel = 0; channel < shape.Outputs(); ++channel) {
          double sum = bias[channel];
          const int first = channel / shape.group_outputs * shape.group_inputs;
          for (int tap_y = 0; tap_y < shape.y.filter; ++tap_y) {
            for (int tap_x = 0; tap_x < shape.x.filter; ++tap_x) {
              const int in_y = shape.y.InputAt(y, tap_y);
              const int in_x = shape.x.InputAt(x, tap_x);
              if (!shape.y.Has(in_y) || !shape.x.Has(in_x)) continue;
              for (int i = 0; i < shape.group_inputs; ++i) {
                const int64_t place =
                    ((int64_t{batch} * shape.y.input + in_y) * shape.x.input + in_x) *
                        shape.Inputs() +
                    first + i;
                sum += input(place) * weights(shape.WeightAt(channel, tap_y, tap_x, i), channel);
              }
            }
          }
          sums.push_back(sum);
        }
      }
    }
  }
  return sums;
}

Model ConvolutionModel(const ConvolutionCase& shape, const std::vector<Operand>& inputs,
                       const Operand& output) {
  const schema::Padding padding = shape.y.is_same ? schema::Padding_SAME : schema::Padding_VALID;
  if (shape.is_depthwise) {
    schema::DepthwiseConv2DOptionsT options;
    options.padding = padding;
    options.stride_h = shape.y.stride;
    options.stride_w = shape.x.stride;
    options.dilation_h_factor = shape.y.dilation;
    options.dilation_w_factor = shape.x.dilation;
    options.depth_multiplier = shape.group_outputs;
    return OperatorModel(schema::BuiltinOperator_DEPTHWISE_CONV_2D, options, inputs, {output});
  }
  schema::Conv2DOptionsT options;
  options.padding = padding;
  options.stride_h = shape.y.stride;
  options.stride_w = shape.x.stride;
  options.dilation_h_factor = shape.y.dilation;
  options.dilation_w_factor = shape.x.dilation;
  return OperatorModel(schema::BuiltinOperator_CONV_2D, options, inputs, {output});
}

class ConvolutionFormula : public testing::TestWithParam<bool> {
 protected:
  static inline const int kRounds = Rounds(40);

  void NextCase(int round) {
    shape_ = RandomConvolution(random_, GetParam());
    description_ =
        absl::StrCat("seed ", kSeed, ", round ", round, ", input ", ShapeText(shape_.InputShape()),
                     ", weights ", ShapeText(shape_.WeightsShape()));
  }

  // Constant int8 weights with a scale a channel.
  Operand QuantizedWeights(std::vector<float> scales) {
    weights_ = RandomCodes<int8_t>(random_, SizeOf(shape_.WeightsShape()));
    Operand operand = Constant(schema::TensorType_INT8, shape_.WeightsShape(), weights_);
    operand.scales = std::move(scales);
    operand.quantized_dimension = shape_.is_depthwise ? 3 : 0;
    return operand;
  }

  std::vector<float> RandomScales() {
    std::vector<float> scales = RandomFloats(random_, shape_.Outputs(), 0.01f);
    for (float& scale : scales) scale = std::abs(scale) + 1e-3f;
    return scales;
  }

  template <typename T, typename Bias>
  void ExpectQuantizedWithinOneCode(schema::TensorType type, schema::TensorType bias_type,
                                    float input_scale, int zero_point) {
    const std::vector<float> scales = RandomScales();
    const Operand weights = QuantizedWeights(scales);
    const std::vector<T> codes = RandomCodes<T>(random_, SizeOf(shape_.InputShape()));
    std::vector<Bias> bias(shape_.Outputs());
    Reals real_bias;
    for (int channel = 0; channel < shape_.Outputs(); ++channel) {
      bias[channel] = Between(random_, -5000, 5000);
      real_bias.push_back(static_cast<double>(bias[channel]) * input_scale * scales[channel]);
    }
    const Reals reals = Convolve(
        shape_, [&](int64_t i) { return (codes[i] - zero_point) * double{input_scale}; },
        [&](int64_t i, int channel) { return weights_[i] * double{scales[channel]}; }, real_bias);
    double greatest = 0;
    for (const double real : reals) greatest = std::max(greatest, std::abs(real));
    // So narrow that some outputs saturate.
    const double limit = std::numeric_limits<T>::max();
    const float output_scale = static_cast<float>(greatest / limit * 0.9 + 1e-6);
    const Model model =
        ConvolutionModel(shape_,
                         {{.type = type,
                           .shape = shape_.InputShape(),
                           .scales = {input_scale},
                           .zero_points = {zero_point}},
                          weights,
                          Constant(bias_type, {shape_.Outputs()}, bias)},
                         {.type = type, .shape = shape_.OutputShape(), .scales = {output_scale}});
    const std::vector<T> outputs = Output<T>(model, {ToBytes(codes)});
    ASSERT_EQ(outputs.size(), reals.size());
    for (size_t i = 0; i < reals.size(); ++i) {
      // int16 multiplies by 15 bits.
      const double exact = std::clamp(reals[i] / output_scale, -limit - 1, limit);
      ASSERT_NEAR(outputs[i], exact, 1.01 + std::abs(exact) * 0x1p-15) << "at " << i;
    }
  }

  std::mt19937 random_{kSeed};
  ConvolutionCase shape_;
  std::vector<int8_t> weights_;
  std::string description_;
};

TEST_P(ConvolutionFormula, OfFloats) {
  for (int round = 0; round < kRounds; ++round) {
    NextCase(round);
    SCOPED_TRACE(description_);
    const std::vector<float> input = RandomFloats(random_, SizeOf(shape_.InputShape()));
    const std::vector<float> weights = RandomFloats(random_, SizeOf(shape_.WeightsShape()));
    const std::vector<float> bias = RandomFloats(random_, shape_.Outputs());
    const Reals reals = Convolve(
        shape_, [&](int64_t i) { return input[i]; }, [&](int64_t i, int) { return weights[i]; },
        Reals(bias.begin(), bias.end()));
    // The weights are no constant: a float16 model computes them.
    const Model model = ConvolutionModel(
        shape_,
        {Float(shape_.InputShape()), Float(shape_.WeightsShape()), Float({shape_.Outputs()})},
        Float(shape_.OutputShape()));
    const std::vector<float> outputs =
        Output<float>(model, {ToBytes(input), ToBytes(weights), ToBytes(bias)});
    ASSERT_EQ(outputs.size(), reals.size());
    for (size_t i = 0; i < reals.size(); ++i) ASSERT_NEAR(outputs[i], reals[i], 1e-3);
  }
}

TEST_P(ConvolutionFormula, OfInt8) {
  for (int round = 0; round < kRounds; ++round) {
    NextCase(round);
    SCOPED_TRACE(description_);
    ExpectQuantizedWithinOneCode<int8_t, int32_t>(schema::TensorType_INT8, schema::TensorType_INT32,
                                                  0.02f, Between(random_, -128, 127));
  }
}

TEST_P(ConvolutionFormula, OfInt16WithAWideBias) {
  for (int round = 0; round < kRounds; ++round) {
    NextCase(round);
    SCOPED_TRACE(description_);
    ExpectQuantizedWithinOneCode<int16_t, int64_t>(schema::TensorType_INT16,
                                                   schema::TensorType_INT64, 0.0003f, 0);
  }
}

TEST_P(ConvolutionFormula, OfFloatsWithInt8Weights) {
  for (int round = 0; round < kRounds; ++round) {
    NextCase(round);
    SCOPED_TRACE(description_);
    const std::vector<float> scales = RandomScales();
    const Operand weights = QuantizedWeights(scales);
    const std::vector<float> input = RandomFloats(random_, SizeOf(shape_.InputShape()));
    const std::vector<float> bias = RandomFloats(random_, shape_.Outputs());
    const auto weight = [&](int64_t i, int channel) {
      return weights_[i] * double{scales[channel]};
    };
    const Reals reals = Convolve(
        shape_, [&](int64_t i) { return input[i]; }, weight, Reals(bias.begin(), bias.end()));
    // Each input is at most half a step off; steps are those of the widest image.
    const Reals error = Convolve(
        shape_, [&](int64_t) { return 4.0 / 254 * 0.5; },
        [&](int64_t i, int channel) { return std::abs(weight(i, channel)); },
        Reals(shape_.Outputs(), 1e-4));
    const Model model =
        ConvolutionModel(shape_,
                         {Float(shape_.InputShape()), weights,
                          Constant(schema::TensorType_FLOAT32, {shape_.Outputs()}, bias)},
                         Float(shape_.OutputShape()));
    const std::vector<float> outputs = Output<float>(model, {ToBytes(input)});
    ASSERT_EQ(outputs.size(), reals.size());
    for (size_t i = 0; i < reals.size(); ++i) ASSERT_NEAR(outputs[i], reals[i], error[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ConvolutionFormula, testing::Bool(),
                         [](const auto& info) { return info.param ? "Depthwise" : "Grouped"; });

TEST(Int16Formula, ExtremeValuesGiveTheExactSum) {
  constexpr int kDepth = 70000;
  for (const int value : {-32768, 32767}) {
    for (const int weight : {-127, 127}) {
      const std::vector<int8_t> weights(kDepth, static_cast<int8_t>(weight));
      const std::vector<int16_t> codes(kDepth, static_cast<int16_t>(value));
      Operand weights_operand = Constant(schema::TensorType_INT8, {1, 1, 1, kDepth}, weights);
      weights_operand.scales = {0.01f};
      schema::Conv2DOptionsT options;
      options.stride_h = options.stride_w = 1;
      const double real = 0.001 * value * 0.01 * weight * kDepth;
      const float output_scale = static_cast<float>(std::abs(real) / 30000);
      const Model model = OperatorModel(
          schema::BuiltinOperator_CONV_2D, options,
          {{.type = schema::TensorType_INT16, .shape = {1, 1, 1, kDepth}, .scales = {0.001f}},
           weights_operand},
          {{.type = schema::TensorType_INT16, .shape = {1, 1, 1, 1}, .scales = {output_scale}}});
      const std::vector<int16_t> output = Output<int16_t>(model, {ToBytes(codes)});
      ASSERT_EQ(output.size(), 1);
      EXPECT_NEAR(output[0], real / output_scale, 2);
    }
  }
}

TEST(UnaryFormula, FloatFunctions) {
  const struct {
    schema::BuiltinOperator type;
    double (*function)(double);
  } kFunctions[] = {
      {schema::BuiltinOperator_ELU, [](double x) { return x < 0 ? std::expm1(x) : x; }},
      {schema::BuiltinOperator_CEIL, [](double x) { return std::ceil(x); }},
      {schema::BuiltinOperator_ROUND, [](double x) { return std::nearbyint(x); }},
      {schema::BuiltinOperator_TANH, [](double x) { return std::tanh(x); }},
      {schema::BuiltinOperator_LOGISTIC, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {schema::BuiltinOperator_HARD_SWISH,
       [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
  };
  std::mt19937 random(kSeed);
  const std::vector<float> input = RandomFloats(random, 500, 8);
  for (const auto& [type, function] : kFunctions) {
    SCOPED_TRACE(schema::EnumNameBuiltinOperator(type));
    const std::vector<float> output =
        Output<float>(OperatorModel(type, {Float({500})}, {Float({500})}), {ToBytes(input)});
    ASSERT_EQ(output.size(), input.size());
    for (size_t i = 0; i < input.size(); ++i) {
      EXPECT_NEAR(output[i], function(input[i]), 1e-5) << "of " << input[i];
    }
  }
}

TEST(UnaryFormula, QuantizedFunctionsAreNearTheirFormulas) {
  const struct {
    schema::BuiltinOperator type;
    double (*function)(double);
    float int8_scale;
    int int8_zero_point;
    float int16_scale;
  } kFunctions[] = {
      {schema::BuiltinOperator_LOGISTIC, [](double x) { return 1 / (1 + std::exp(-x)); },
       1.0f / 256, -128, 1.0f / 32768},
      {schema::BuiltinOperator_TANH, [](double x) { return std::tanh(x); }, 1.0f / 128, 0,
       1.0f / 32768},
      {schema::BuiltinOperator_EXP, [](double x) { return std::exp(x); }, 0.2f, -128, 0.001f},
  };
  for (const auto& row : kFunctions) {
    SCOPED_TRACE(schema::EnumNameBuiltinOperator(row.type));
    std::vector<int8_t> codes(256);
    for (int code = -128; code < 128; ++code) codes[code + 128] = static_cast<int8_t>(code);
    constexpr float kScale = 0.03f;
    const std::vector<int8_t> output =
        Output<int8_t>(OperatorModel(row.type,
                                     {{.type = schema::TensorType_INT8,
                                       .shape = {256},
                                       .scales = {kScale},
                                       .zero_points = {10}}},
                                     {{.type = schema::TensorType_INT8,
                                       .shape = {256},
                                       .scales = {row.int8_scale},
                                       .zero_points = {row.int8_zero_point}}}),
                       {ToBytes(codes)});
    ASSERT_EQ(output.size(), 256);
    for (int i = 0; i < 256; ++i) {
      const double exact =
          row.function((codes[i] - 10) * double{kScale}) / row.int8_scale + row.int8_zero_point;
      EXPECT_NEAR(output[i], std::clamp(exact, -128.0, 127.0), 0.51);
    }
    std::vector<int16_t> wide_codes(65536);
    for (int code = -32768; code < 32768; ++code) {
      wide_codes[code + 32768] = static_cast<int16_t>(code);
    }
    constexpr float kWideScale = 0.00011f;
    const std::vector<int16_t> wide = Output<int16_t>(
        OperatorModel(
            row.type,
            {{.type = schema::TensorType_INT16, .shape = {65536}, .scales = {kWideScale}}},
            {{.type = schema::TensorType_INT16, .shape = {65536}, .scales = {row.int16_scale}}}),
        {ToBytes(wide_codes)});
    ASSERT_EQ(wide.size(), 65536);
    for (int i = 0; i < 65536; ++i) {
      const double exact = row.function(wide_codes[i] * double{kWideScale}) / row.int16_scale;
      // EXP bends most. Its 512 straight lines are near it but where one ends at the clamp: there
      // the table holds the clamped value, and the line falls short.
      const double tolerance = exact > 32000 ? 128 : 9;
      ASSERT_NEAR(wide[i], std::clamp(exact, -32768.0, 32767.0), tolerance)
          << "code " << wide_codes[i];
    }
  }
}

TEST(ArithmeticFormula, QuantizedSumsAndProductsAreWithinOneCode) {
  std::mt19937 random(kSeed);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", round " << round);
    std::uniform_real_distribution<float> scale(0.01f, 0.2f);
    const Operand left = {.type = schema::TensorType_INT8,
                          .shape = {4, 1, 30},
                          .scales = {scale(random)},
                          .zero_points = {Between(random, -99, 99)}};
    const Operand right = {.type = schema::TensorType_INT8,
                           .shape = {5, 1},
                           .scales = {scale(random)},
                           .zero_points = {Between(random, -99, 99)}};
    const Operand output = {.type = schema::TensorType_INT8,
                            .shape = {4, 5, 30},
                            .scales = {0.2f + scale(random)},
                            .zero_points = {Between(random, -99, 99)}};
    const std::vector<int8_t> a = RandomCodes<int8_t>(random, 120);
    const std::vector<int8_t> b = RandomCodes<int8_t>(random, 5);
    schema::AddOptionsT add;
    schema::SubOptionsT sub;
    schema::MulOptionsT mul;
    const std::vector<Bytes> inputs = {ToBytes(a), ToBytes(b)};
    const struct {
      std::vector<int8_t> codes;
      std::function<double(double, double)> function;
    } kResults[] = {
        {Output<int8_t>(OperatorModel(schema::BuiltinOperator_ADD, add, {left, right}, {output}),
                        inputs),
         std::plus<>()},
        {Output<int8_t>(OperatorModel(schema::BuiltinOperator_SUB, sub, {left, right}, {output}),
                        inputs),
         std::minus<>()},
        {Output<int8_t>(OperatorModel(schema::BuiltinOperator_MUL, mul, {left, right}, {output}),
                        inputs),
         std::multiplies<>()},
    };
    for (const auto& result : kResults) {
      ASSERT_EQ(result.codes.size(), 600);
      for (int i = 0; i < 600; ++i) {
        const double x = (a[i / 150 * 30 + i % 30] - left.zero_points[0]) * double{left.scales[0]};
        const double y = (b[i / 30 % 5] - right.zero_points[0]) * double{right.scales[0]};
        const double exact =
            result.function(x, y) / output.scales[0] + static_cast<double>(output.zero_points[0]);
        ASSERT_NEAR(result.codes[i], std::clamp(exact, -128.0, 127.0), 1);
      }
    }
  }
}

TEST(ArithmeticFormula, IntegersWrapAndDivideByZeroToZero) {
  const int32_t low = std::numeric_limits<int32_t>::min();
  const int32_t high = std::numeric_limits<int32_t>::max();
  const Operand operand = {.type = schema::TensorType_INT32, .shape = {3}};
  const std::vector<Bytes> inputs = {ToBytes<int32_t>({high, low, 7}),
                                     ToBytes<int32_t>({1, -1, 0})};
  schema::AddOptionsT add;
  EXPECT_THAT(
      Output<int32_t>(
          OperatorModel(schema::BuiltinOperator_ADD, add, {operand, operand}, {operand}), inputs),
      testing::ElementsAre(low, high, 7));
  schema::DivOptionsT div;
  EXPECT_THAT(
      Output<int32_t>(
          OperatorModel(schema::BuiltinOperator_DIV, div, {operand, operand}, {operand}), inputs),
      testing::ElementsAre(high, high, 0));
}

TEST(ReduceFormula, QuantizedMeansAreWithinOneCode) {
  std::mt19937 random(kSeed);
  for (int round = 0; round < 40; ++round) {
    const Shape shape = {Between(random, 1, 3), Between(random, 1, 9), Between(random, 1, 9),
                         Between(random, 1, 20)};
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", shape " << ShapeText(shape));
    const std::vector<int8_t> codes = RandomCodes<int8_t>(random, SizeOf(shape));
    const int zero_point = Between(random, -128, 127);
    schema::ReducerOptionsT options;
    options.keep_dims = true;
    const Model model = OperatorModel(schema::BuiltinOperator_MEAN, options,
                                      {{.type = schema::TensorType_INT8,
                                        .shape = shape,
                                        .scales = {0.1f},
                                        .zero_points = {zero_point}},
                                       Integers({1, 2})},
                                      {{.type = schema::TensorType_INT8,
                                        .shape = {shape[0], 1, 1, shape[3]},
                                        .scales = {0.07f},
                                        .zero_points = {3}}});
    const std::vector<int8_t> means = Output<int8_t>(model, {ToBytes(codes)});
    ASSERT_EQ(means.size(), shape[0] * shape[3]);
    for (int batch = 0; batch < shape[0]; ++batch) {
      for (int channel = 0; channel < shape[3]; ++channel) {
        double sum = 0;
        const int pixels = shape[1] * shape[2];
        for (int pixel = 0; pixel < pixels; ++pixel) {
          sum += codes[(batch * pixels + pixel) * shape[3] + channel] - zero_point;
        }
        const double exact = sum / pixels * 0.1 / 0.07 + 3;
        EXPECT_NEAR(means[batch * shape[3] + channel], std::clamp(exact, -128.0, 127.0), 1);
      }
    }
  }
}

TEST(MoverFormula, TransposesAnyOrder) {
  std::mt19937 random(kSeed);
  for (int round = 0; round < 50; ++round) {
    const int rank = Between(random, 1, 6);
    Shape shape(rank);
    std::vector<int32_t> order(rank);
    for (int axis = 0; axis < rank; ++axis) {
      shape[axis] = Between(random, 1, 4);
      order[axis] = axis;
    }
    std::shuffle(order.begin(), order.end(), random);
    Shape turned(rank);
    for (int axis = 0; axis < rank; ++axis) turned[axis] = shape[order[axis]];
    const std::vector<int16_t> values = RandomCodes<int16_t>(random, SizeOf(shape));
    schema::TransposeOptionsT options;
    const Model model =
        OperatorModel(schema::BuiltinOperator_TRANSPOSE, options,
                      {{.type = schema::TensorType_INT16, .shape = shape}, Integers(order)},
                      {{.type = schema::TensorType_INT16, .shape = turned}});
    const std::vector<int16_t> output = Output<int16_t>(model, {ToBytes(values)});
    ASSERT_EQ(output.size(), values.size());
    for (int64_t to = 0; to < SizeOf(turned); ++to) {
      std::vector<int> place(rank);
      int64_t rest = to;
      for (int axis = rank - 1; axis >= 0; --axis) {
        place[order[axis]] = static_cast<int>(rest % turned[axis]);
        rest /= turned[axis];
      }
      int64_t from = 0;
      for (int axis = 0; axis < rank; ++axis) from = from * shape[axis] + place[axis];
      ASSERT_EQ(output[to], values[from]) << ShapeText(shape);
    }
  }
}

TEST(MoverFormula, BroadcastsToAShape) {
  const Model model =
      OperatorModel(schema::BuiltinOperator_BROADCAST_TO,
                    {{.type = schema::TensorType_INT32, .shape = {2, 1}}, Integers({2, 2, 3})},
                    {{.type = schema::TensorType_INT32, .shape = {2, 2, 3}}});
  EXPECT_THAT(Output<int32_t>(model, {ToBytes<int32_t>({4, 5})}),
              testing::ElementsAre(4, 4, 4, 5, 5, 5, 4, 4, 4, 5, 5, 5));
}

TEST(MoverFormula, AnIndexOutOfRangeTakesTheNearestSlice) {
  schema::GatherOptionsT options;
  const Model model =
      OperatorModel(schema::BuiltinOperator_GATHER, options,
                    {Float({3}), {.type = schema::TensorType_INT32, .shape = {4}}}, {Float({4})});
  EXPECT_THAT(
      Output<float>(model, {ToBytes<float>({1, 2, 3}), ToBytes<int32_t>({-5, 1, 99, INT32_MAX})}),
      testing::ElementsAre(1, 2, 3, 3));
}

TEST(MoverFormula, EmptyTensorsGiveEmptyOnes) {
  const Operand empty = Float({2, 0, 3});
  EXPECT_THAT(Outputs(OperatorModel(schema::BuiltinOperator_RELU, {empty}, {empty}), {{}}),
              testing::ElementsAre(Bytes()));
  schema::ReducerOptionsT options;
  EXPECT_THAT(Output<float>(OperatorModel(schema::BuiltinOperator_SUM, options,
                                          {empty, Integers({1})}, {Float({2, 3})}),
                            {{}}),
              testing::ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST(CastFormula, FloatsOutOfRangeGoToTheNearestEnd) {
  const Model model = OperatorModel(schema::BuiltinOperator_CAST, {Float({5})},
                                    {{.type = schema::TensorType_INT32, .shape = {5}}});
  EXPECT_THAT(Output<int32_t>(model, {ToBytes<float>({1e20f, -1e20f, std::nanf(""), -2.9f, 7})}),
              testing::ElementsAre(INT32_MAX, INT32_MIN, 0, -2, 7));
}

TEST(QuantizeFormula, NanAndInfinityGoToTheEnds) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Model model =
      OperatorModel(schema::BuiltinOperator_QUANTIZE, {Float({4})},
                    {{.type = schema::TensorType_INT8, .shape = {4}, .scales = {0.1f}}});
  EXPECT_THAT(Output<int8_t>(model, {ToBytes<float>({std::nanf(""), infinity, -infinity, 1e38f})}),
              testing::ElementsAre(-128, 127, -128, 127));
}

}  // namespace
}  // namespace octavo
