// Prints how the XNNPACK delegate probably divides models, so that a script can hold it against
// what LiteRT does.
//
//   print_delegate_parts MODEL.tflite…      a line each: parts, then the operators left out

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/runtime/delegate_parts.h"
#include "core/tflite/model_reader.h"

namespace octavo {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{1} << 31;

absl::Status Print(const std::string& path) {
  ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadFile(path, kMaxFileBytes), path);
  ASSIGN_OR_RETURN(const Model model,
                   ReadModel(std::make_shared<const std::vector<uint8_t>>(std::move(bytes))), path);
  const DelegateParts parts = EstimateDelegateParts(model);
  std::printf("%d", parts.parts);
  for (const UndelegatedOperator& op : parts.undelegated) std::printf(" %d", op.index);
  std::printf("\n");
  return absl::OkStatus();
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const absl::Status status = octavo::Print(argv[i]);
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
