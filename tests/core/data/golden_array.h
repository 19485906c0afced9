// Arrays of .npz files in the test data, whole.

#ifndef OCTAVO_TESTS_CORE_DATA_GOLDEN_ARRAY_H_
#define OCTAVO_TESTS_CORE_DATA_GOLDEN_ARRAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/data/preprocess.h"

namespace octavo {

struct GoldenArray {
  std::string name;
  Dims shape;
  std::vector<uint8_t> bytes;
};

// Every array of a file below OCTAVO_TEST_DATA. Ends the test program where it cannot be read.
std::vector<GoldenArray> ReadGoldens(absl::string_view path);

// One of them. Ends the test program where there is none.
const GoldenArray& Find(const std::vector<GoldenArray>& goldens, absl::string_view name);

// A file below OCTAVO_TEST_DATA, whole.
std::string TestFile(absl::string_view path);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_DATA_GOLDEN_ARRAY_H_
