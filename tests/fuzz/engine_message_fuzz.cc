// Whatever a child writes on its pipe, however it is cut: messages or a refusal, and no more memory
// than was promised.

#include <algorithm>
#include <cstdint>
#include <span>

#include "absl/log/check.h"
#include "core/base/error_reason.h"
#include "core/engine/progress_pipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t part_size = 1 + data[0] % 16;
  std::span<const uint8_t> left(data + 1, size - 1);
  octavo::MessageReader reader(/*max_message_bytes=*/1000);
  while (!left.empty()) {
    const std::span<const uint8_t> part = left.first(std::min(part_size, left.size()));
    left = left.subspan(part.size());
    const absl::Status status =
        reader.Push(part, [](const octavo::engine::v1::EngineMessage& message) {
          CHECK_NE(message.message_case(), octavo::engine::v1::EngineMessage::MESSAGE_NOT_SET);
          return absl::OkStatus();
        });
    if (!status.ok()) {
      CHECK_EQ(octavo::ReasonOf(status), "ENGINE_PROTOCOL");
      break;
    }
  }
  return 0;
}
