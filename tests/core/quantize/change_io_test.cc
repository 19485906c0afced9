#include "core/quantize/change_io.h"

#include <string>

#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/plan_quantization.h"
#include "core/tflite/model_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;

// x -> conv a -> conv y, in int8 or int16.
Model Quantized(v1::Scheme scheme, v1::IoType io_type) {
  FloatGraph graph;
  const TensorIndex a = graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -2}, {1, 0.25f}, "a");
  graph.Output(graph.Conv(a, {1, 3}, {0, 0.5f}, "y"));
  const Model model = graph.Build();
  v1::VariantSpec spec;
  spec.set_scheme(scheme);
  spec.set_io_type(io_type);
  TensorRanges ranges;
  for (const char* name : {"x", "a", "y"}) ranges[FindTensor(model, name)] = {-2, 3};
  const auto plan = PlanQuantization(model, ranges, spec);
  EXPECT_THAT(plan, IsOk());
  return WrittenAndRead(*ApplyPlan(model, *plan));
}

const schema::TensorT& Border(const Model& model, const std::string& name) {
  const auto& places = name == "x" ? model.graph().inputs : model.graph().outputs;
  return model.tensor(TensorIndex{places[0]});
}

// Whatever the inputs and outputs were, they become what quantization would have made them.
TEST(ChangeIo, GivesWhatQuantizationWouldHaveGiven) {
  constexpr v1::IoType kTypes[] = {v1::IO_TYPE_FLOAT32, v1::IO_TYPE_INT8, v1::IO_TYPE_UINT8};
  for (const v1::IoType from : kTypes) {
    for (const v1::IoType to : kTypes) {
      SCOPED_TRACE(v1::IoType_Name(from) + " to " + v1::IoType_Name(to));
      const auto changed = ChangeIo(Quantized(v1::SCHEME_INT8, from), TypeOf(to));
      ASSERT_THAT(changed, IsOk());
      const Model written = WrittenAndRead(*changed);
      const Model wanted = Quantized(v1::SCHEME_INT8, to);
      EXPECT_EQ(OperatorNames(written), OperatorNames(wanted));
      for (const char* name : {"x", "y"}) {
        const schema::TensorT& border = Border(written, name);
        EXPECT_EQ(border.name, name);
        EXPECT_EQ(border.type, TypeOf(to));
        if (to == v1::IO_TYPE_FLOAT32) continue;
        EXPECT_EQ(border.quantization->scale, Border(wanted, name).quantization->scale);
        EXPECT_EQ(border.quantization->zero_point, Border(wanted, name).quantization->zero_point);
      }
    }
  }
}

TEST(ChangeIo, TakesInt16) {
  const auto changed =
      ChangeIo(Quantized(v1::SCHEME_INT16X8, v1::IO_TYPE_FLOAT32), schema::TensorType_INT16);
  ASSERT_THAT(changed, IsOk());
  EXPECT_EQ(OperatorNames(WrittenAndRead(*changed)), "CONV_2D CONV_2D");
}

TEST(ChangeIo, NamesWhatHasNoSuchForm) {
  const auto int16 =
      ChangeIo(Quantized(v1::SCHEME_INT16X8, v1::IO_TYPE_FLOAT32), schema::TensorType_INT8);
  EXPECT_THAT(int16, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("'x' is INT16")));
  EXPECT_EQ(ReasonOf(int16.status()), "OP_UNSUPPORTED");
  FloatGraph graph;
  graph.Output(graph.Conv(graph.Input("x", {1, 2, 2, 2}), {0.5f, -2}, {1, 0.25f}, "y"));
  EXPECT_THAT(ChangeIo(graph.Build(), schema::TensorType_INT8),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("'x' is float inside")));
}

}  // namespace
}  // namespace octavo
