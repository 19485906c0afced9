#include "core/import/import_model.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::HasSubstr;

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
  EXPECT_THAT(
      ImportModel(FixtureBytes("models/mediapipe_selfie/float16_weights.tflite")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Convolution2DTransposeBias")));
}

}  // namespace
}  // namespace octavo
