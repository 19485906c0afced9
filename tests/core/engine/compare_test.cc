#include "core/engine/compare.h"

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::absl_testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// An array of images, those of MNIST by default, through two models of tests/data.
absl::StatusOr<v1::ModelComparison> Compare(const std::string& a, const std::string& b,
                                            const std::string& data_path = "data/mnist.npz",
                                            const std::string& array = "test_images") {
  const auto file_a = OpenForReading(TestDataPath(a));
  const auto file_b = OpenForReading(TestDataPath(b));
  const auto data = OpenForReading(TestDataPath(data_path));
  engine::v1::CompareWork work;
  work.mutable_model_a()->set_fd(file_a->get());
  work.mutable_model_b()->set_fd(file_b->get());
  work.mutable_data()->set_fd(data->get());
  work.mutable_use()->add_bindings()->add_arrays(array);
  work.mutable_use()->set_max_examples(20);
  work.add_preprocess()->add_scale(1.0f / 255);
  work.set_num_threads(2);
  EngineProgress progress([](const engine::v1::EngineMessage&) {});
  return CompareModels(work, /*memory_limit_bytes=*/0, progress);
}

TEST(CompareModels, FindsAModelEqualToItself) {
  const auto comparison = Compare("models/mnist_cnn/float.tflite", "models/mnist_cnn/float.tflite");
  ASSERT_THAT(comparison, IsOk());
  EXPECT_EQ(comparison->outputs().max_abs_error(), 0);
  EXPECT_EQ(comparison->outputs().argmax_agreement(), 1);
  EXPECT_THAT(comparison->warnings(), IsEmpty());
  ASSERT_GT(comparison->tensors_size(), 4);
  for (const auto& tensor : comparison->tensors()) EXPECT_TRUE(std::isinf(tensor.sqnr_db()));
}

TEST(CompareModels, TakesIntegersAtTheBorder) {
  for (const char* b :
       {"reference/mnist_cnn/int8_int8_io.tflite", "reference/mnist_cnn/int8_uint8_io.tflite",
        "reference/mnist_cnn/int16x8_int16_io.tflite"}) {
    const auto comparison = Compare("models/mnist_cnn/float.tflite", b);
    ASSERT_THAT(comparison, IsOk()) << b;
    EXPECT_GT(comparison->outputs().sqnr_db(), 35) << b;
    EXPECT_EQ(comparison->outputs().examples(), 20);
    EXPECT_EQ(comparison->tensors_examples(), 16);
    EXPECT_EQ(comparison->tensors(0).type_a(), "FLOAT32");
  }
}

TEST(CompareModels, TakesAQuantizedModelFirst) {
  const auto comparison = Compare("reference/mnist_cnn/int8_int8_io.tflite",
                                  "reference/mnist_cnn/int8_uint8_io.tflite");
  ASSERT_THAT(comparison, IsOk());
  EXPECT_TRUE(std::isinf(comparison->outputs().sqnr_db()));
}

TEST(CompareModels, SaysThatItResizedImages) {
  const auto comparison = Compare("models/mnist_cnn/float.tflite", "models/mnist_cnn/float.tflite",
                                  "images/examples.tfrecord", "image/encoded");
  ASSERT_THAT(comparison, IsOk());
  EXPECT_EQ(comparison->outputs().examples(), 5);
  ASSERT_THAT(comparison->warnings(), SizeIs(1));
  EXPECT_EQ(comparison->warnings(0).reason(), "IMAGES_RESIZED");
}

TEST(CompareModels, RefusesOtherBorders) {
  const auto comparison =
      Compare("models/mnist_cnn/float.tflite", "models/resnet18_slim/float.tflite");
  EXPECT_THAT(comparison,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("input 0 of model a is ")));
  EXPECT_EQ(ReasonOf(comparison.status()), "TENSOR_MISMATCH");
}

TEST(CompareModels, SaysWhichFileIsNoModel) {
  const auto comparison = Compare("models/mnist_cnn/float.tflite", "data/mnist.npz");
  EXPECT_THAT(comparison.status().message(), HasSubstr("model b: "));
}

}  // namespace
}  // namespace octavo
