// Any bytes as a model: read, written back, folded, its shapes fixed.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/log/check.h"
#include "core/graph/fix_shapes.h"
#include "core/graph/passes.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"

namespace octavo {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = ReadModel(std::make_shared<const std::vector<uint8_t>>(data, data + size));
  if (!model.ok()) return 0;
  (void)CheckSupported(*model);
  (void)FixShapes(*model);
  const auto folded = FoldGraph(*model);
  // What was read can be written, and what we write we read.
  CHECK_OK(folded.status());
  const auto written = WriteModel(*folded);
  CHECK_OK(written.status());
  CHECK_OK(ReadModel(std::make_shared<const std::vector<uint8_t>>(*written)).status());
  return 0;
}

}  // namespace octavo
