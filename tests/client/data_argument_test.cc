#include "client/cli/data_argument.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace octavo {
namespace {

using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DataArgument, IsAFileAlone) {
  const auto data = ParseDataArgument("dir/test.npz");
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->path, "dir/test.npz");
  EXPECT_EQ(data->use.bindings_size(), 0);
  EXPECT_EQ(data->use.labels(), "");
}

TEST(DataArgument, NamesArraysOfTheOnlyInputAndLabels) {
  const auto data = ParseDataArgument("digits.npz:x_test:labels=y_test");
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->use.bindings_size(), 1);
  EXPECT_EQ(data->use.bindings(0).input(), "");
  EXPECT_THAT(data->use.bindings(0).arrays(), ElementsAre("x_test"));
  EXPECT_EQ(data->use.labels(), "y_test");
}

TEST(DataArgument, MapsSeveralInputsAndConcatenatesArrays) {
  const auto data = ParseDataArgument("p.npz:image=frames+priors,size=sizes");
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->use.bindings_size(), 2);
  EXPECT_EQ(data->use.bindings(0).input(), "image");
  EXPECT_THAT(data->use.bindings(0).arrays(), ElementsAre("frames", "priors"));
  EXPECT_EQ(data->use.bindings(1).input(), "size");
}

TEST(DataArgument, KeepsAColonOfAnInputsName) {
  const auto data = ParseDataArgument("a.npz:serving_default_x:0=images:labels=y");
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->use.bindings_size(), 1);
  EXPECT_EQ(data->use.bindings(0).input(), "serving_default_x:0");
  EXPECT_EQ(data->use.labels(), "y");
}

TEST(DataArgument, RefusesWhatIsIncomplete) {
  EXPECT_THAT(ParseDataArgument(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseDataArgument("a.npz:image="),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'image='")));
  EXPECT_THAT(ParseDataArgument("a.npz:"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace octavo
