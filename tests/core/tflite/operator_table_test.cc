#include "core/tflite/operator_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/graph/shape_inference.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

TEST(OperatorTable, NamesEachOperatorAsTheFormatDoes) {
  for (const OperatorRow& row : OperatorTable()) {
    EXPECT_EQ(row.name, schema::EnumNameBuiltinOperator(row.type));
    EXPECT_EQ(FindOperator(row.type), &row);
  }
  EXPECT_EQ(FindOperator(schema::BuiltinOperator_CUSTOM), nullptr);
  EXPECT_EQ(FindOperator(schema::BuiltinOperator_WHILE), nullptr);
}

TEST(OperatorTable, HasAShapeRuleForEachRow) {
  for (const OperatorRow& row : OperatorTable()) {
    EXPECT_TRUE(HasShapeRule(row.type)) << row.name;
  }
}

TEST(OperatorTable, HasARowForEachOperatorOfTheFixtures) {
  for (const std::string& name : FixtureModelNames()) {
    const Model model = FixtureModel(name);
    for (const auto& op : model.graph().operators) {
      const OperatorRow* row = FindOperator(model.OperatorType(*op));
      if (model.OperatorName(*op) == "Convolution2DTransposeBias") continue;
      ASSERT_NE(row, nullptr) << name << ": " << model.OperatorName(*op);
      EXPECT_LE(model.OperatorVersion(*op), row->newest_version) << name << ": " << row->name;
    }
  }
}

TEST(OperatorTable, IsConsistentInEachRow) {
  for (const OperatorRow& row : OperatorTable()) {
    SCOPED_TRACE(row.name);
    EXPECT_LE(row.min_inputs, row.max_inputs);
    EXPECT_LT(row.weights_input, row.max_inputs);
    EXPECT_LT(row.bias_input, row.max_inputs);
    EXPECT_EQ(row.bias_input >= 0, row.weights_input >= 0);
    for (const int position : {row.weights_input, row.bias_input}) {
      if (position < 0) continue;
      EXPECT_EQ(row.activation_inputs >> position & 1, 0u);
    }
    EXPECT_EQ(row.output_scale == OutputScale::kFixed, row.fixed_int8.scale != 0);
    EXPECT_EQ(row.fixed_int16.zero_point, 0);
    for (const int version : {row.float_version, row.int8_version, row.int16_version,
                              row.dynamic_version, row.dynamic_per_tensor_version}) {
      EXPECT_LE(version, row.newest_version);
    }
    EXPECT_TRUE(row.options != schema::BuiltinOptions_NONE || !row.options_required);
  }
}

// The rule of the specification against what converters wrote: the fixed parameters of int8 and
// 16x8 outputs.
TEST(OperatorTable, AgreesWithTheReferencesAboutFixedOutputs) {
  int num_checked = 0;
  for (const std::string& name : FixtureModelNames()) {
    const Model model = FixtureModel(name);
    for (const auto& op : model.graph().operators) {
      const OperatorRow* row = FindOperator(model.OperatorType(*op));
      if (row == nullptr || row->output_scale != OutputScale::kFixed) continue;
      const schema::TensorT& output = model.tensor(OutputOf(*op, 0));
      const bool is_int8 = output.type == schema::TensorType_INT8;
      if (!is_int8 && output.type != schema::TensorType_INT16) continue;
      const FixedParams& fixed = is_int8 ? row->fixed_int8 : row->fixed_int16;
      EXPECT_EQ(output.quantization->scale.at(0), fixed.scale) << name << ": " << row->name;
      EXPECT_EQ(output.quantization->zero_point.at(0), fixed.zero_point) << name;
      ++num_checked;
    }
  }
  EXPECT_GT(num_checked, 20);
}

// Weights of reference models are quantized along the row's axis.
TEST(OperatorTable, AgreesWithTheReferencesAboutTheWeightsAxis) {
  int num_checked = 0;
  for (const std::string& name : FixtureModelNames()) {
    const Model model = FixtureModel(name);
    for (const auto& op : model.graph().operators) {
      const OperatorRow* row = FindOperator(model.OperatorType(*op));
      if (row == nullptr || row->weights_input < 0) continue;
      const schema::TensorT& weights = model.tensor(InputOf(*op, row->weights_input));
      if (weights.quantization == nullptr || weights.quantization->scale.size() < 2) continue;
      EXPECT_EQ(weights.quantization->quantized_dimension, row->weights_axis) << name;
      ++num_checked;
    }
  }
  EXPECT_GT(num_checked, 100);
}

}  // namespace
}  // namespace octavo
