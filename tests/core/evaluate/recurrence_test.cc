// Outputs that become inputs: parts of outputs, feeding them back, drift and pictures.

#include <spng.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status_matchers.h"
#include "core/evaluate/drift.h"
#include "core/evaluate/evaluate.h"
#include "core/evaluate/feedback.h"
#include "core/evaluate/mask_picture.h"
#include "core/evaluate/output_part.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/evaluate/model_fixture.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Feedback MaskToFourthChannel() {
  v1::Feedback feedback;
  feedback.add_channels(3);
  return feedback;
}

// Frames of one grey each, with no prior.
std::vector<Example> Frames(int count) {
  std::vector<Example> frames;
  for (int i = 0; i < count; ++i) {
    frames.push_back({Filled({1, 224, 224, 4}, 0.2f * static_cast<float>(i) - 0.5f)});
    std::span<float> values = frames.back()[0].mutable_values<float>();
    for (size_t at = 0; at < values.size(); ++at) {
      values[at] = at % 4 == 3 ? 0 : values[at] + static_cast<float>(at % 97) / 97;
    }
  }
  return frames;
}

TEST(OutputPart, IsFoundByNameAndRange) {
  const Model model = ReadFixture("models/hard_detect_grid/float.tflite");
  const auto whole = FindOutputPart(model, "");
  ASSERT_THAT(whole, IsOk());
  EXPECT_EQ(whole->rows, 49);
  EXPECT_EQ(whole->width(), 14);
  const auto part = FindOutputPart(model, "[4:14]");
  ASSERT_THAT(part, IsOk());
  EXPECT_EQ(part->name, whole->name + "[4:14]");
  std::vector<float> values(49 * 14);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const std::vector<float> taken = part->Of(values);
  ASSERT_EQ(taken.size(), 490);
  EXPECT_THAT(std::vector(taken.begin() + 8, taken.begin() + 12), ElementsAre(12, 13, 18, 19));
}

TEST(OutputPart, RefusesWhatTheModelDoesNotHave) {
  const Model model = ReadFixture("models/hard_detect/float.tflite");
  for (const char* text : {"scores", "scores[0:4]", "[4]", "[a:b]", "["}) {
    EXPECT_THAT(FindOutputPart(model, text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("its outputs: 'StatefulPartitionedCall:0' [1, 14]")))
        << text;
  }
  for (const char* text : {"[4:15]", "[4:4]", "[-1:3]", "[9223372036854775807:3]"}) {
    EXPECT_THAT(FindOutputPart(model, text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the 14 places")))
        << text;
  }
}

TEST(NaturalParts, AreWhatAnOutputIsJoinedFrom) {
  const Model model = ReadFixture("models/hard_detect/float.tflite");
  std::vector<std::string> names;
  for (const OutputPart& part : NaturalParts(model)) names.push_back(part.name);
  EXPECT_THAT(names,
              ElementsAre("StatefulPartitionedCall:0[0:4]", "StatefulPartitionedCall:0[4:14]"));
}

// The int8 net that is right by its whole output and has lost every score.
TEST(Evaluator, TellsTheOutputThatTheWholeHides) {
  const Model model = ReadFixture("models/hard_detect/float.tflite");
  const Model int8 = ReadFixture("reference/hard_detect/int8.tflite");
  std::vector<Example> examples;
  for (int i = 0; i < 4; ++i) {
    examples.push_back({Filled({1, 28, 28, 1}, 0)});
    std::span<float> pixels = examples.back()[0].mutable_values<float>();
    for (size_t at = 200; at < pixels.size() - 200; at += 3 + i) pixels[at] = 1;
  }
  const ExampleList list(examples);
  EvaluateOptions options;
  options.parts = NaturalParts(model);
  const auto evaluation = Evaluator(model, list, options).Evaluate(int8);
  ASSERT_THAT(evaluation, IsOk());
  ASSERT_EQ(evaluation->fidelity.outputs_size(), 2);
  EXPECT_GT(evaluation->fidelity.sqnr_db(), 20);
  EXPECT_GT(evaluation->fidelity.outputs(0).sqnr_db(), 20);
  EXPECT_NEAR(evaluation->fidelity.outputs(1).sqnr_db(), 0, 0.5);
}

TEST(PlanFeedback, RefusesWhatDoesNotFit) {
  const Model model = ReadFixture("models/portrait_seg/float_static.tflite");
  const auto problem = [&](const std::function<void(v1::Feedback&)>& change) {
    v1::Feedback feedback = MaskToFourthChannel();
    change(feedback);
    return std::string(PlanFeedback(model, feedback).status().message());
  };
  EXPECT_THAT(PlanFeedback(model, MaskToFourthChannel()), IsOk());
  EXPECT_THAT(problem([](auto& f) { f.set_output("mask"); }), HasSubstr("no output 'mask'"));
  EXPECT_THAT(problem([](auto& f) { f.set_input("prior"); }), HasSubstr("no input 'prior'"));
  EXPECT_THAT(problem([](auto& f) { f.set_channels(0, 4); }), HasSubstr("channel 4 is none of"));
  EXPECT_THAT(problem([](auto& f) { f.set_channels(0, -1); }), HasSubstr("channel -1 is none of"));
  EXPECT_THAT(problem([](auto& f) { f.add_channels(3); }), HasSubstr("channel 3 is there twice"));
  EXPECT_THAT(problem([](auto& f) { f.clear_channels(); }),
              HasSubstr("50176 values for the 200704"));
  EXPECT_THAT(problem([](auto& f) { f.set_scale(INFINITY); }), HasSubstr("not finite"));
}

TEST(Feed, FillsItsChannelsInOrder) {
  FeedbackPlan plan{.columns = 3, .channels = {2, 0}, .scale = 2, .offset = 1};
  plan.from = {.name = "y", .rows = 2, .columns = 2, .end = 2};
  Example example = {Filled({1, 2, 3}, 7)};
  Feed(plan, std::vector<float>{10, 20, 30, 40}, example);
  EXPECT_THAT(example[0].values<float>(), ElementsAre(41, 7, 21, 81, 7, 61));
}

// By hand: each model's mask into its own next input.
std::vector<std::vector<float>> RunByHand(const Model& model, std::vector<Example> frames,
                                          size_t length) {
  ModelRunner runner(model);
  std::vector<std::vector<float>> outputs;
  for (size_t i = 0; i < frames.size(); ++i) {
    std::span<float> values = frames[i][0].mutable_values<float>();
    for (size_t place = 0; i % length != 0 && place < 50176; ++place) {
      values[4 * place + 3] = outputs.back()[place];
    }
    auto made = runner.Run(frames[i]);
    EXPECT_THAT(made, IsOk());
    outputs.push_back(*std::move(made));
  }
  return outputs;
}

TEST(Evaluator, FeedsEachModelWithItsOwnOutputs) {
  const Model model = ReadFixture("models/portrait_seg/float_static.tflite");
  const Model int8 = ReadFixture("reference/portrait_seg/int8_int8_io.tflite");
  const std::vector<Example> frames = Frames(5);
  const ExampleList list(frames);
  const auto plan = PlanFeedback(model, MaskToFourthChannel());
  ASSERT_THAT(plan, IsOk());
  const auto floats = RunByHand(model, frames, 3);
  const auto codes = RunByHand(int8, frames, 3);
  std::vector<Difference> differences;
  for (size_t i = 0; i < floats.size(); ++i) {
    differences.push_back(Compare(floats[i], codes[i], 50176));
  }
  for (const int64_t max_kept_bytes : {int64_t{0}, int64_t{512} << 20}) {
    EvaluateOptions options{.num_threads = 2};
    options.recurrence = Recurrence{.feedbacks = {*plan}, .starts = {0, 3}};
    options.max_kept_bytes = max_kept_bytes;
    Evaluator evaluator(model, list, options);
    ASSERT_THAT(evaluator.EvaluateFloat(model), IsOk());
    const auto evaluation = evaluator.Evaluate(int8);
    ASSERT_THAT(evaluation, IsOk());
    EXPECT_DOUBLE_EQ(evaluation->fidelity.sqnr_db(), FoldFidelity(differences).sqnr_db());
    ASSERT_EQ(evaluation->drift.size(), 3);
    const Difference &first = differences[0], &fourth = differences[3];
    EXPECT_DOUBLE_EQ(evaluation->drift[0].sqnr_db(),
                     SqnrDb(first.signal + fourth.signal, first.noise + fourth.noise));
    EXPECT_DOUBLE_EQ(evaluation->drift[2].sqnr_db(),
                     SqnrDb(differences[2].signal, differences[2].noise));
    EXPECT_EQ(evaluation->drift[2].examples(), 1);
  }
}

TEST(FoldDrift, JoinsStepsWhereThereAreMany) {
  const std::vector<Difference> fed(1000, Difference{.signal = 100, .noise = 1});
  std::vector<Difference> whole(1000);
  whole[999].same_argmax = true;
  const std::vector<int64_t> starts = {0};
  const auto points = FoldDrift(starts, {.fed = fed, .whole = whole});
  ASSERT_EQ(points.size(), 250);
  EXPECT_EQ(points[1].step(), 4);
  EXPECT_EQ(points[249].examples(), 4);
  EXPECT_DOUBLE_EQ(points[249].agreement(), 0.25);
  EXPECT_DOUBLE_EQ(points[0].sqnr_db(), 20);
}

// The picture's places in its palette.
std::vector<uint8_t> Decoded(const std::string& png, uint32_t& width, uint32_t& height) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(0), spng_ctx_free);
  EXPECT_EQ(spng_set_png_buffer(context.get(), png.data(), png.size()), 0);
  spng_ihdr header;
  EXPECT_EQ(spng_get_ihdr(context.get(), &header), 0);
  width = header.width;
  height = header.height;
  std::vector<uint8_t> pixels(static_cast<size_t>(width) * height);
  EXPECT_EQ(spng_decode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, 0), 0);
  return pixels;
}

TEST(MaskPicture, MarksWhatDiffersFromTheReference) {
  const auto png = MaskPicture(std::vector<int32_t>{0, 1, 1, 0, 2, -1},
                               std::vector<int32_t>{0, 1, 0, 1, 2, -1}, 2, 3);
  ASSERT_THAT(png, IsOk());
  uint32_t width = 0, height = 0;
  const std::vector<uint8_t> pixels = Decoded(*png, width, height);
  EXPECT_EQ(width, 3);
  EXPECT_EQ(height, 2);
  EXPECT_THAT(pixels, ElementsAre(0, 1, 12, 13, 2, 14));
}

TEST(MaskPicture, DrawsLargeMasksSmaller) {
  const auto png = MaskPicture(std::vector<int32_t>(1000 * 500), {}, 1000, 500);
  ASSERT_THAT(png, IsOk());
  uint32_t width = 0, height = 0;
  Decoded(*png, width, height);
  EXPECT_EQ(height, 167);
  EXPECT_EQ(width, 84);
}

}  // namespace
}  // namespace octavo
