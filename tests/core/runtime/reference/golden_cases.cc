#include "tests/core/runtime/reference/golden_cases.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace octavo {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes ReadTestFile(const std::string& path) {
  const char* folder = std::getenv("OCTAVO_TEST_DATA");
  std::ifstream file(std::string(folder == nullptr ? "tests/data" : folder) + "/" + path,
                     std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

class GoldenReader {
 public:
  explicit GoldenReader(Bytes bytes) : bytes_(std::move(bytes)), place_(4) {}

  uint32_t Number() {
    uint32_t number = 0;
    std::memcpy(&number, bytes_.data() + place_, sizeof(number));
    place_ += sizeof(number);
    return number;
  }
  Bytes Field() {
    const uint32_t size = Number();
    place_ += size;
    return Bytes(bytes_.begin() + (place_ - size), bytes_.begin() + place_);
  }
  std::string Text() {
    const Bytes field = Field();
    return std::string(field.begin(), field.end());
  }
  std::vector<Bytes> Fields() {
    std::vector<Bytes> fields(Number());
    for (Bytes& field : fields) field = Field();
    return fields;
  }

 private:
  Bytes bytes_;
  size_t place_;
};

}  // namespace

std::vector<GoldenCase> ReadGoldens(const std::string& family) {
  const Bytes bytes = ReadTestFile("golden/kernels/" + family + ".golden");
  if (bytes.size() < 8 || std::memcmp(bytes.data(), "OKG1", 4) != 0) return {};
  GoldenReader reader(bytes);
  std::vector<GoldenCase> cases(reader.Number());
  for (GoldenCase& golden : cases) {
    golden.name = reader.Text();
    golden.model = reader.Field();
    const std::string path = reader.Text();
    if (!path.empty()) golden.model = ReadTestFile(path);
    golden.inputs = reader.Fields();
    golden.outputs = reader.Fields();
  }
  return cases;
}

}  // namespace octavo
