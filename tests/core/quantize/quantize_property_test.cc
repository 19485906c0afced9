// What holds of every quantized model, on random graphs and values.

#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/graph/passes.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/operator_roles.h"
#include "core/quantize/plan_quantization.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/rounding.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "core/tflite/operator_table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/flatbuffer_difference.h"
#include "tests/testing/long_run.h"
#include "tests/testing/random_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;

const int kRounds = Rounds(50);

// Printed where a test fails: case `round` depends on it alone.
std::mt19937 GeneratorOf(int round) { return std::mt19937(20261128 + round); }

float Uniform(std::mt19937& random, float least, float most) {
  return std::uniform_real_distribution<float>(least, most)(random);
}

template <typename T>
void ExpectWithinHalfAScale(schema::TensorType type, const QuantParams& params,
                            const std::vector<float>& values, const Shape& shape) {
  const SharedBytes stored = StoreAs(type, params, values, shape);
  const auto* codes = reinterpret_cast<const T*>(stored.get().data());
  const ChannelLayout layout =
      LayoutAlong(shape, params.scales.size() > 1 ? params.quantized_dimension : -1);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t channel = i / layout.inner % layout.channels;
    const double scale = params.scales[channel];
    const double back = scale * static_cast<double>(codes[i] - params.zero_points[channel]);
    ASSERT_LE(std::abs(back - values[i]), scale / 2 + 1e-5 * std::abs(values[i]))
        << "element " << i;
  }
}

TEST(QuantizeProperty, BringsValuesOfTheRangeBackWithinHalfAScale) {
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    std::mt19937 random = GeneratorOf(round);
    const float magnitude = std::exp(Uniform(random, -30, 30));
    const Range range = {-magnitude * Uniform(random, 0, 1), magnitude * Uniform(random, 0, 1)};
    const Shape shape = {3, 5, 7};
    std::vector<float> values(105);
    for (float& value : values) value = Uniform(random, range.min, range.max);
    ExpectWithinHalfAScale<int8_t>(schema::TensorType_INT8, Int8ActivationParams(range), values,
                                   shape);
    ExpectWithinHalfAScale<int16_t>(schema::TensorType_INT16, Int16ActivationParams(range), values,
                                    shape);
    for (const int axis : {-1, 0, 1, 2}) {
      ExpectWithinHalfAScale<int8_t>(
          schema::TensorType_INT8, SymmetricWeightParams(values, shape, axis, 127), values, shape);
    }
  }
}

TEST(QuantizeProperty, KnowsRandomModelsOfEveryOperator) {
  std::vector<schema::BuiltinOperator> expected;
  for (const OperatorRow& row : OperatorTable()) {
    if (row.type == schema::BuiltinOperator_QUANTIZE) continue;
    if (row.type == schema::BuiltinOperator_DEQUANTIZE) continue;
    if (row.type == schema::BuiltinOperator_FAKE_QUANT) continue;  // import takes it out
    expected.push_back(row.type);
  }
  EXPECT_EQ(RandomOperatorTypes(), expected);
}

struct Variant {
  std::string name;
  Model model;
};

// The variants that there are of a random graph, its ranges made up.
std::vector<Variant> RandomVariants(std::mt19937& random) {
  const auto folded = FoldGraph(RandomGraph(12, GraphOperators::kAll, random).model);
  EXPECT_THAT(folded, IsOk());
  TensorRanges ranges;
  for (int32_t i = 0; i < static_cast<int32_t>(folded->graph().tensors.size()); ++i) {
    if (!IsFloatActivation(*folded, TensorIndex{i})) continue;
    ranges[TensorIndex{i}] = {-Uniform(random, 0, 9), Uniform(random, 0, 9)};
  }
  std::vector<Variant> variants;
  for (const v1::VariantSpec& spec : UsualVariants()) {
    if (spec.scheme() == v1::SCHEME_CHANGE_IO) continue;
    const auto plan = PlanQuantization(*folded, ranges, spec);
    if (absl::IsFailedPrecondition(plan.status())) continue;  // it leaves every operator in float
    EXPECT_THAT(plan, IsOk()) << spec.name();
    auto model = ApplyPlan(*folded, *plan);
    EXPECT_THAT(model, IsOk()) << spec.name();
    variants.push_back({spec.name(), *std::move(model)});
  }
  return variants;
}

// The tensors that an operator's row gives one scale, if the operator computes in integers.
std::vector<TensorIndex> OneScaleTensors(const Model& model, const schema::OperatorT& op) {
  const OperatorRow& row = *RowOf(model, op);
  const bool all = row.output_scale == OutputScale::kAllTheSame;
  if (!all && row.output_scale != OutputScale::kAsInput) return {};
  std::vector<TensorIndex> tensors;
  const auto add = [&](int32_t tensor) {
    const schema::TensorType type = model.tensor(TensorIndex{tensor}).type;
    if (type == schema::TensorType_INT8 || type == schema::TensorType_INT16) {
      tensors.push_back(TensorIndex{tensor});
    }
  };
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    if (i < 32 && (row.activation_inputs >> i & 1) == 0) continue;
    add(op.inputs[i]);
    if (!all) break;
  }
  for (const int32_t output : op.outputs) add(output);
  return tensors;
}

TEST(QuantizeProperty, GivesSameScaleGroupsOneScale) {
  int groups = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::mt19937 random = GeneratorOf(round);
    for (const Variant& variant : RandomVariants(random)) {
      SCOPED_TRACE(testing::Message() << "round " << round << " " << variant.name);
      for (const auto& op : variant.model.graph().operators) {
        const std::vector<TensorIndex> tensors = OneScaleTensors(variant.model, *op);
        for (size_t i = 1; i < tensors.size(); ++i) {
          const auto& first = *variant.model.tensor(tensors[0]).quantization;
          const auto& other = *variant.model.tensor(tensors[i]).quantization;
          EXPECT_EQ(other.scale, first.scale) << variant.model.OperatorName(*op);
          EXPECT_EQ(other.zero_point, first.zero_point) << variant.model.OperatorName(*op);
          ++groups;
        }
      }
    }
  }
  EXPECT_GT(groups, kRounds);
}

TEST(QuantizeProperty, GivesModelsThatAreWrittenAsTheyAreRead) {
  for (int round = 0; round < kRounds; ++round) {
    std::mt19937 random = GeneratorOf(round);
    for (const Variant& variant : RandomVariants(random)) {
      SCOPED_TRACE(testing::Message() << "round " << round << " " << variant.name);
      const auto written = WriteModel(variant.model);
      ASSERT_THAT(written, IsOk());
      const auto read = ReadModel(std::make_shared<const std::vector<uint8_t>>(*written));
      ASSERT_THAT(read, IsOk());
      const auto again = WriteModel(*read);
      ASSERT_THAT(again, IsOk());
      EXPECT_EQ(*again, *written);
      EXPECT_EQ(FlatbufferDifference(*written, *again), "");
    }
  }
}

}  // namespace
}  // namespace octavo
