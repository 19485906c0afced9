// The fixtures' models and data, opened for tests.

#ifndef OCTAVO_TESTS_CORE_EVALUATE_MODEL_FIXTURE_H_
#define OCTAVO_TESTS_CORE_EVALUATE_MODEL_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"

namespace octavo {

// tests/data/PATH, with a batch of 1.
Model ReadFixture(const std::string& path);

// `examples` test images of mnist.npz as the model takes them, with labels.
class MnistImages : public Dataset {
 public:
  explicit MnistImages(int64_t examples, const std::string& array = "test_images");
  int64_t size() const override { return dataset_->size(); }
  absl::StatusOr<Example> Get(int64_t index) const override { return dataset_->Get(index); }
  const std::vector<int64_t>& labels() const override { return dataset_->labels(); }
  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    return dataset_->ExampleDigest(index);
  }

 private:
  UniqueFd file_;
  std::unique_ptr<Dataset> dataset_;
};

// Examples given one by one.
class ExampleList : public Dataset {
 public:
  explicit ExampleList(std::vector<Example> examples, std::vector<int64_t> labels = {})
      : examples_(std::move(examples)), labels_(std::move(labels)) {}
  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  absl::StatusOr<Example> Get(int64_t index) const override { return examples_[index]; }
  const std::vector<int64_t>& labels() const override { return labels_; }
  absl::StatusOr<std::string> ExampleDigest(int64_t) const override { return std::string(); }

 private:
  std::vector<Example> examples_;
  std::vector<int64_t> labels_;
};

// A float input of this shape, filled with `value`.
TensorValue Filled(Shape shape, float value);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_EVALUATE_MODEL_FIXTURE_H_
