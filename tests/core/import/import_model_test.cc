#include "core/import/import_model.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/tflite/model_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ImportModel, SaysWhichFormatsAreRead) {
  for (const std::string text :
       {"", "TFL3", "\x89HDF\r\n\x1a\n and more", "a text file, and a long one"}) {
    const auto imported = ImportModel(ToFile(absl::string_view(text)));
    EXPECT_THAT(imported,
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TFLite (.tflite)")));
    EXPECT_EQ(ReasonOf(imported.status()), "MODEL_MALFORMED");
  }
}

TEST(ImportModel, LeavesABrokenFileToItsReader) {
  const auto imported = ImportModel(ToFile(absl::string_view("\4\0\0\0TFL3", 8)));
  EXPECT_THAT(imported, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(imported.status()), "MODEL_MALFORMED");
}

TEST(ImportModel, KeepsTheSourceBesideTheCleanModel) {
  const auto imported = ImportModel(FixtureBytes("models/mnist_cnn/float.tflite"));
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->source.graph().inputs.size(), 1u);
  EXPECT_EQ(imported->model.graph().inputs.size(), 1u);
  EXPECT_LE(imported->model.graph().tensors.size(), imported->source.graph().tensors.size());
}

TEST(ImportModel, RefusesOperatorsThatAreNotRead) {
  const auto bytes = WriteModel(WithCustomOperator("Unheard"));
  ASSERT_THAT(bytes, IsOk());
  EXPECT_THAT(ImportModel(std::make_shared<const std::vector<uint8_t>>(*bytes)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Unheard")));
}

TEST(ImportModel, TakesTheTransposedConvolutionsOfMediaPipe) {
  const auto imported = ImportModel(FixtureBytes("models/mediapipe_selfie/float16_weights.tflite"));
  ASSERT_THAT(imported, IsOk());
  std::vector<std::string> names;
  for (const auto& op : imported->model.graph().operators) {
    names.push_back(imported->model.OperatorName(*op));
  }
  EXPECT_THAT(names, Contains("TRANSPOSE_CONV"));
  EXPECT_THAT(names, Not(Contains("Convolution2DTransposeBias")));
}

}  // namespace
}  // namespace octavo
