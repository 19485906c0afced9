#include "client/cli/spec_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"

namespace octavo {
namespace {

using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

TEST(SpecFlags, AskForAllVariantsByDefault) {
  const auto spec = ParseSpecFlags({});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_TRUE(spec->all_variants());
  EXPECT_EQ(spec->variants_size(), 0);
}

TEST(SpecFlags, NameVariants) {
  const auto spec = ParseSpecFlags({.variants = {"int8-uint8io", "float16"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->variants_size(), 2);
  EXPECT_EQ(spec->variants(0).scheme(), v1::SCHEME_INT8);
  EXPECT_EQ(spec->variants(0).io_type(), v1::IO_TYPE_UINT8);
  EXPECT_EQ(spec->variants(1).scheme(), v1::SCHEME_FLOAT16);
}

TEST(SpecFlags, KeepVariantsThatAreNamedBesideAll) {
  const auto spec = ParseSpecFlags({.variants = {"all", "int8"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_TRUE(spec->all_variants());
  ASSERT_EQ(spec->variants_size(), 1);
  EXPECT_EQ(spec->variants(0).scheme(), v1::SCHEME_INT8);
}

TEST(SpecFlags, ListTheVariantsWhereOneIsUnknown) {
  EXPECT_THAT(ParseSpecFlags({.variants = {"int3"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("int8-uint8io")));
}

TEST(SpecFlags, ReadFractionsAndChannels) {
  const auto spec =
      ParseSpecFlags({.scale = {"0.017,0.5,1/4"}, .offset = {"-1"}, .channels = {"bgr"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->preprocess_size(), 1);
  EXPECT_THAT(spec->preprocess(0).scale(),
              ElementsAre(FloatEq(0.017f), FloatEq(0.5f), FloatEq(0.25f)));
  EXPECT_THAT(spec->preprocess(0).offset(), ElementsAre(FloatEq(-1)));
  EXPECT_EQ(spec->preprocess(0).channel_order(), v1::CHANNEL_ORDER_BGR);
}

TEST(SpecFlags, KeepInputsApart) {
  const auto spec = ParseSpecFlags({.scale = {"left=1/255", "right=2"},
                                    .resize = {"left=8x4,nearest"},
                                    .repeat = {"right=2x3x3"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->preprocess_size(), 2);
  EXPECT_EQ(spec->preprocess(0).input(), "left");
  EXPECT_EQ(spec->preprocess(0).resize().height(), 8);
  EXPECT_EQ(spec->preprocess(0).resize().method(), v1::RESIZE_METHOD_NEAREST);
  EXPECT_EQ(spec->preprocess(1).repeat().channels(), 3);
}

TEST(SpecFlags, NameTheFlagThatIsWrong) {
  EXPECT_THAT(ParseSpecFlags({.scale = {"1/0"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--scale '1/0'")));
  EXPECT_THAT(ParseSpecFlags({.channels = {"grb"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--channels")));
  EXPECT_THAT(ParseSpecFlags({.resize = {"8"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--resize")));
  EXPECT_THAT(ParseSpecFlags({.repeat = {"0x2"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--repeat")));
}

TEST(SpecFlags, ChooseABackend) {
  EXPECT_EQ(ParseSpecFlags({})->backend(), v1::BACKEND_UNSPECIFIED);
  EXPECT_EQ(ParseSpecFlags({.backend = "both"})->backend(), v1::BACKEND_BOTH);
  EXPECT_EQ(ParseSpecFlags({.backend = "reference"})->backend(), v1::BACKEND_REFERENCE);
  EXPECT_THAT(ParseSpecFlags({.backend = "gpu"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--backend 'gpu'")));
}

TEST(Goals, AreReadWithTheirUnits) {
  const auto goals = ParseGoals("drop<=0.5,size<=0.3x,latency<=0.8x");
  ASSERT_TRUE(goals.ok()) << goals.status();
  EXPECT_DOUBLE_EQ(goals->max_drop_points(), 0.5);
  EXPECT_DOUBLE_EQ(goals->max_size_ratio(), 0.3);
  EXPECT_DOUBLE_EQ(goals->max_latency_ratio(), 0.8);
}

TEST(Goals, AreUnsetWhereTheyAreNotNamed) {
  const auto goals = ParseGoals("size<=0.3");
  ASSERT_TRUE(goals.ok()) << goals.status();
  EXPECT_FALSE(goals->has_max_drop_points());
}

TEST(Goals, HaveUnits) {
  const auto goals = ParseGoals("drop<=0.5%,size<=0.3x,latency<=0.8x");
  ASSERT_TRUE(goals.ok()) << goals.status();
  EXPECT_EQ(goals->max_drop_points(), 0.5);
  EXPECT_EQ(goals->max_size_ratio(), 0.3);
  EXPECT_EQ(goals->max_latency_ratio(), 0.8);
}

TEST(Goals, RefuseWhatIsNone) {
  for (const char* text : {"speed<=3", "drop<0.5", "drop<=much", "size<=-1", "drop<=nan",
                           "size<=30%", "latency<=80%", "drop<=0.5x", "size<=0.3xx"}) {
    EXPECT_THAT(ParseGoals(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(ParseGoals("drop<0.5"), StatusIs(testing::_, testing::HasSubstr("drop<=0.5")));
  EXPECT_THAT(ParseGoals("speed<=3"), StatusIs(testing::_, testing::HasSubstr("there are goals")));
}

TEST(MetricFlags, BindOutputsToTargets) {
  SpecFlags flags;
  flags.metric.targets = {"masks", "boxes[0:4]=truth"};
  flags.metric.metrics = {"miou,threshold=1/4", "boxes[0:4]=regression"};
  const auto spec = ParseSpecFlags(flags);
  ASSERT_TRUE(spec.ok()) << spec.status();
  ASSERT_EQ(spec->evaluation().targets_size(), 2);
  EXPECT_EQ(spec->evaluation().targets(0).output(), "");
  EXPECT_EQ(spec->evaluation().targets(0).array(), "masks");
  EXPECT_EQ(spec->evaluation().targets(1).output(), "boxes[0:4]");
  EXPECT_EQ(spec->evaluation().targets(1).array(), "truth");
  EXPECT_EQ(spec->metrics(0).kind(), v1::EVALUATION_KIND_SEGMENTATION);
  EXPECT_FLOAT_EQ(spec->metrics(0).threshold(), 0.25f);
  EXPECT_EQ(spec->metrics(1).kind(), v1::EVALUATION_KIND_REGRESSION);
  EXPECT_EQ(spec->metrics(1).output(), "boxes[0:4]");
  EXPECT_FALSE(spec->metrics(1).has_threshold());
}

TEST(MetricFlags, FeedOutputsBack) {
  SpecFlags flags;
  flags.metric.recurrent = {"call_1:0->serving_x:0[3]", "->[0:2,5],scale=255,offset=-1", "h->h_in"};
  flags.metric.sequence = "20";
  const auto spec = ParseSpecFlags(flags);
  ASSERT_TRUE(spec.ok()) << spec.status();
  const v1::RecurrenceSpec& recurrence = spec->recurrence();
  EXPECT_EQ(recurrence.sequence_length(), 20);
  EXPECT_EQ(recurrence.feedbacks(0).output(), "call_1:0");
  EXPECT_EQ(recurrence.feedbacks(0).input(), "serving_x:0");
  EXPECT_THAT(recurrence.feedbacks(0).channels(), ElementsAre(3));
  EXPECT_FALSE(recurrence.feedbacks(0).has_scale());
  EXPECT_THAT(recurrence.feedbacks(1).channels(), ElementsAre(0, 1, 5));
  EXPECT_EQ(recurrence.feedbacks(1).scale(), 255);
  EXPECT_EQ(recurrence.feedbacks(1).offset(), -1);
  EXPECT_EQ(recurrence.feedbacks(2).input(), "h_in");
  EXPECT_EQ(recurrence.feedbacks(2).channels_size(), 0);

  flags.metric.sequence = "clip";
  EXPECT_EQ(ParseSpecFlags(flags)->evaluation().sequences(), "clip");
}

TEST(MetricFlags, SayWhatIsWrong) {
  const auto refused = [](auto change, const char* problem) {
    SpecFlags flags;
    change(flags.metric);
    EXPECT_THAT(ParseSpecFlags(flags),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem)));
  };
  refused([](MetricFlags& f) { f.metrics = {"iou"}; }, "--metric 'iou': there are top1");
  refused([](MetricFlags& f) { f.metrics = {"miou,threshold=high"}; }, "wanted a threshold");
  refused([](MetricFlags& f) { f.targets = {"y="}; }, "--targets 'y=': names no array");
  refused([](MetricFlags& f) { f.recurrent = {"y"}; }, "wanted OUTPUT->INPUT[CHANNELS]");
  for (const char* channels : {"[]", "[a]", "[3:3]", "[-1]", "[0:99999999]", "[1:2:3]"}) {
    refused([&](MetricFlags& f) { f.recurrent = {std::string("->x") + channels}; },
            "wanted OUTPUT->INPUT[CHANNELS]");
  }
  refused([](MetricFlags& f) { f.recurrent = {"->x,scale=a"}; }, "wanted scale before offset");
  refused([](MetricFlags& f) { f.sequence = "3"; }, "goes with --recurrent");
  refused([](MetricFlags& f) { (f.recurrent = {"->"}, f.sequence = "0"); }, "at least 1");
}

}  // namespace
}  // namespace octavo
