// Any bytes as a data set of any format but .npz, which has a target of its own: inspected, bound
// to float and integer inputs, read.

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "core/base/file.h"
#include "core/data/open_dataset.h"

namespace octavo {
namespace {

constexpr int64_t kMaxBytes = 1 << 20;

void Read(int fd, const InputSpec& input, const v1::DatasetUse& use) {
  const v1::Preprocess none;
  const v1::Preprocess* const steps[] = {&none};
  const auto data = OpenDataset(fd, {&input, 1}, use, steps, kMaxBytes);
  if (!data.ok()) return;
  for (int64_t example = 0; example < data->dataset->size() && example < 4; ++example) {
    (void)data->dataset->Get(example);
    (void)data->dataset->ExampleDigest(example);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const UniqueFd file(memfd_create("dataset", MFD_CLOEXEC));
  if (!WriteAll(file.get(), {data, size}).ok()) return 0;
  const auto info = InspectDatasetFile(file.get(), kMaxBytes);
  if (!info.ok() || info->format() == "npz") return 0;

  const v1::DatasetUse by_shape;
  Read(file.get(), {"x", schema::TensorType_FLOAT32, {1, 5, 3, 3}}, by_shape);
  Read(file.get(), {"x", schema::TensorType_UINT8, {1, 4, 6, 1}}, by_shape);
  for (const v1::ArrayInfo& array : info->arrays()) {
    v1::DatasetUse use;
    use.add_bindings()->add_arrays(array.name());
    Read(file.get(), {"x", schema::TensorType_FLOAT32, {1, 2, 3}}, use);
    Read(file.get(), {"x", schema::TensorType_INT32, {1}}, use);
  }
  return 0;
}

}  // namespace octavo
