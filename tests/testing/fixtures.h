// The models in tests/data, found through the environment variable OCTAVO_TEST_DATA.

#ifndef OCTAVO_TESTS_TESTING_FIXTURES_H_
#define OCTAVO_TESTS_TESTING_FIXTURES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/tflite/model.h"

namespace octavo {

using FileBytes = std::shared_ptr<const std::vector<uint8_t>>;

// Below OCTAVO_TEST_DATA. Ends the test program where the variable is not set.
std::string TestDataPath(absl::string_view name);

// "models/mnist_cnn/float.tflite". Ends the test program where there is no such file, or it cannot
// be read.
FileBytes FixtureBytes(absl::string_view name);
Model FixtureModel(absl::string_view name);

// The names of all .tflite files below models/ and reference/, sorted.
std::vector<std::string> FixtureModelNames();

// A new file of these bytes.
FileBytes ToFile(std::vector<uint8_t> bytes);
FileBytes ToFile(absl::string_view text);

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_FIXTURES_H_
