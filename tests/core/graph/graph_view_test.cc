#include "core/graph/graph_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(GraphView, KnowsWhoMakesAndWhoUsesEachTensor) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 2});
  const TensorIndex doubled = builder.Tensor("doubled", {1, 2});
  const TensorIndex y = builder.Tensor("y", {1, 2});
  builder.Op(schema::BuiltinOperator_ADD, {x, x}, {doubled}, schema::AddOptionsT());
  builder.Op(schema::BuiltinOperator_MUL, {x, doubled}, {y}, schema::MulOptionsT());
  builder.Output(y);
  const Model model = builder.Build();
  const GraphView view(model);

  EXPECT_EQ(view.ProducerOf(x), -1);
  EXPECT_EQ(view.ProducerOf(doubled), 0);
  EXPECT_EQ(view.ProducerOf(y), 1);
  EXPECT_THAT(view.ConsumersOf(x), ElementsAre(0, 1));
  EXPECT_THAT(view.ConsumersOf(doubled), ElementsAre(1));
  EXPECT_THAT(view.ConsumersOf(y), IsEmpty());
  EXPECT_TRUE(view.IsGraphInput(x));
  EXPECT_FALSE(view.IsGraphInput(y));
  EXPECT_TRUE(view.IsGraphOutput(y));
  EXPECT_FALSE(view.IsGraphOutput(doubled));
}

TEST(GraphView, LeavesOutInputsThatAreNotThere) {
  Model model = TinyDense();
  model.graph().operators[0]->inputs[2] = -1;
  const GraphView view(model);
  EXPECT_THAT(view.ConsumersOf(TensorIndex{2}), IsEmpty());
  EXPECT_THAT(view.ConsumersOf(TensorIndex{1}), ElementsAre(0));
}

}  // namespace
}  // namespace octavo
