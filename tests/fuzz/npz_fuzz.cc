// Any bytes as a data set: inspected, bound to a float and an integer input, read.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "core/base/file.h"
#include "core/data/npz_dataset.h"

namespace octavo {
namespace {

constexpr int64_t kMaxBytes = 1 << 20;

void Read(int fd, const InputSpec& input, const v1::DatasetUse& use,
          const v1::Preprocess& preprocess) {
  const v1::Preprocess* const steps[] = {&preprocess};
  const auto data = OpenNpz(fd, {&input, 1}, use, steps, kMaxBytes);
  if (!data.ok()) return;
  for (int64_t example = 0; example < data->dataset->size() && example < 4; ++example) {
    (void)data->dataset->Get(example);
    (void)data->dataset->ExampleDigest(example);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const UniqueFd file(memfd_create("npz", MFD_CLOEXEC));
  if (!WriteAll(file.get(), {data, size}).ok()) return 0;
  const auto info = InspectNpz(file.get(), kMaxBytes);
  if (!info.ok()) return 0;

  v1::DatasetUse use;
  Read(file.get(), {"x", schema::TensorType_FLOAT32, {1, 3}}, use, v1::Preprocess());
  v1::Preprocess resize;
  resize.mutable_resize()->set_height(3);
  resize.mutable_resize()->set_width(2);
  resize.mutable_repeat()->set_channels(2);
  resize.add_scale(0.5f);
  Read(file.get(), {"x", schema::TensorType_FLOAT32, {1, 3, 2, 2}}, use, resize);
  // Whatever array comes first, as tokens of its own shape.
  InputSpec tokens{"x", schema::TensorType_INT32, {1}};
  for (int axis = 1; axis < info->arrays(0).shape_size(); ++axis) {
    tokens.shape.push_back(static_cast<int32_t>(info->arrays(0).shape(axis)));
  }
  use.add_bindings()->add_arrays(info->arrays(0).name());
  Read(file.get(), tokens, use, v1::Preprocess());
  return 0;
}

}  // namespace octavo
