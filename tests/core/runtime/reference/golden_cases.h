// The golden files that tests/data/golden/make_kernel_goldens.py makes.

#ifndef OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_GOLDEN_CASES_H_
#define OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_GOLDEN_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

namespace octavo {

struct GoldenCase {
  std::string name;
  std::vector<uint8_t> model;  // a .tflite file
  std::vector<std::vector<uint8_t>> inputs;
  std::vector<std::vector<uint8_t>> outputs;
};

// Empty where there is no such file.
std::vector<GoldenCase> ReadGoldens(const std::string& family);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_RUNTIME_REFERENCE_GOLDEN_CASES_H_
