#include "tests/core/data/golden_array.h"

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "core/base/file.h"
#include "core/data/npz_file.h"
#include "tests/testing/fixtures.h"

namespace octavo {

std::vector<GoldenArray> ReadGoldens(absl::string_view path) {
  const auto fd = OpenForReading(TestDataPath(path));
  CHECK_OK(fd);
  auto file = NpzFile::Open(fd->get());
  CHECK_OK(file);
  std::vector<GoldenArray> goldens;
  for (const NpzArray& array : file->arrays()) {
    auto bytes = file->Unpack(array, array.header.data_bytes);
    CHECK_OK(bytes);
    goldens.push_back({array.name, array.header.shape, *std::move(bytes)});
  }
  return goldens;
}

const GoldenArray& Find(const std::vector<GoldenArray>& goldens, absl::string_view name) {
  for (const GoldenArray& golden : goldens) {
    if (golden.name == name) return golden;
  }
  LOG(FATAL) << "no golden array " << name;
}

std::string TestFile(absl::string_view path) {
  const auto bytes = ReadFile(TestDataPath(path), int64_t{1} << 30);
  CHECK_OK(bytes);
  return {bytes->begin(), bytes->end()};
}

}  // namespace octavo
