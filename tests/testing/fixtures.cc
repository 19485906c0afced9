#include "tests/testing/fixtures.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/tflite/model_reader.h"

namespace octavo {

std::string TestDataPath(absl::string_view name) {
  const char* folder = std::getenv("OCTAVO_TEST_DATA");
  CHECK(folder != nullptr) << "OCTAVO_TEST_DATA is not set";
  return absl::StrCat(folder, "/", name);
}

FileBytes FixtureBytes(absl::string_view name) {
  auto bytes = ReadFile(TestDataPath(name), /*max_bytes=*/1 << 30);
  CHECK_OK(bytes.status());
  return ToFile(*std::move(bytes));
}

Model FixtureModel(absl::string_view name) {
  auto model = ReadModel(FixtureBytes(name));
  CHECK_OK(model.status()) << name;
  return *std::move(model);
}

std::vector<std::string> FixtureModelNames() {
  const std::filesystem::path root = TestDataPath("");
  std::vector<std::string> names;
  for (const char* folder : {"models", "reference"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.path().extension() != ".tflite") continue;
      names.push_back(std::filesystem::relative(entry.path(), root).string());
    }
  }
  std::ranges::sort(names);
  return names;
}

FileBytes ToFile(std::vector<uint8_t> bytes) {
  return std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
}

FileBytes ToFile(absl::string_view text) {
  return ToFile(std::vector<uint8_t>(text.begin(), text.end()));
}

}  // namespace octavo
