#include "core/import/import_model.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::HasSubstr;

std::shared_ptr<const std::vector<uint8_t>> Bytes(const std::string& text) {
  return std::make_shared<const std::vector<uint8_t>>(text.begin(), text.end());
}

std::shared_ptr<const std::vector<uint8_t>> Fixture(const std::string& path) {
  const char* root = std::getenv("OCTAVO_TEST_DATA");
  auto bytes = ReadFile(absl::StrCat(root == nullptr ? "tests/data" : root, "/", path), 1 << 30);
  EXPECT_THAT(bytes, IsOk());
  return std::make_shared<const std::vector<uint8_t>>(*std::move(bytes));
}

TEST(ImportModel, SaysWhichFormatsAreRead) {
  for (const std::string text :
       {"", "TFL3", "\x89HDF\r\n\x1a\n and more", "a text file, and a long one"}) {
    const auto imported = ImportModel(Bytes(text));
    EXPECT_THAT(imported,
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("TFLite (.tflite)")));
    EXPECT_EQ(ReasonOf(imported.status()), "MODEL_MALFORMED");
  }
}

TEST(ImportModel, LeavesABrokenFileToItsReader) {
  const auto imported = ImportModel(Bytes(std::string("\4\0\0\0TFL3", 8)));
  EXPECT_THAT(imported, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(ReasonOf(imported.status()), "MODEL_MALFORMED");
}

TEST(ImportModel, KeepsTheSourceBesideTheCleanModel) {
  const auto imported = ImportModel(Fixture("models/mnist_cnn/float.tflite"));
  ASSERT_THAT(imported, IsOk());
  EXPECT_EQ(imported->source.graph().inputs.size(), 1u);
  EXPECT_EQ(imported->model.graph().inputs.size(), 1u);
  EXPECT_LE(imported->model.graph().tensors.size(), imported->source.graph().tensors.size());
}

TEST(ImportModel, RefusesOperatorsThatAreNotRead) {
  EXPECT_THAT(
      ImportModel(Fixture("models/mediapipe_selfie/float16_weights.tflite")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Convolution2DTransposeBias")));
}

}  // namespace
}  // namespace octavo
