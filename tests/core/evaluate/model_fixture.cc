#include "tests/core/evaluate/model_fixture.h"

#include <algorithm>

#include "absl/log/check.h"
#include "core/data/npz_dataset.h"
#include "core/graph/fix_shapes.h"
#include "tests/testing/fixtures.h"

namespace octavo {
Model ReadFixture(const std::string& path) {
  auto fixed = FixShapes(FixtureModel(path));
  CHECK_OK(fixed.status()) << path;
  return *std::move(fixed);
}

MnistImages::MnistImages(int64_t examples, const std::string& array) {
  auto file = OpenForReading(TestDataPath("data/mnist.npz"));
  CHECK_OK(file.status());
  file_ = *std::move(file);
  v1::DatasetUse use;
  use.add_bindings()->add_arrays(array);
  use.set_max_examples(examples);
  v1::Preprocess preprocess;
  preprocess.add_scale(1.0f / 255);
  const v1::Preprocess* const steps[] = {&preprocess};
  const InputSpec input{"images", schema::TensorType_FLOAT32, {1, 28, 28}};
  auto opened = OpenNpz(file_.get(), {&input, 1}, use, steps, int64_t{1} << 30);
  CHECK_OK(opened.status());
  dataset_ = std::move(opened->dataset);
}

TensorValue Filled(Shape shape, float value) {
  TensorValue filled{schema::TensorType_FLOAT32, std::move(shape), {}};
  filled.bytes.resize(static_cast<size_t>(*NumElements(filled.shape)) * sizeof(float));
  std::ranges::fill(filled.mutable_values<float>(), value);
  return filled;
}

}  // namespace octavo
