// The engine's messages on their pipe: each behind its length, as a varint.

#ifndef OCTAVO_CORE_ENGINE_PROGRESS_PIPE_H_
#define OCTAVO_CORE_ENGINE_PROGRESS_PIPE_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// Writes one message whole. The errors of WriteAll (core/base/file.h).
absl::Status WriteMessage(int fd, const engine::v1::EngineMessage& message);

// Takes the pipe's bytes as they come, and gives the messages that have come whole. The bytes are
// hostile. Not thread-safe: the reading thread's.
class MessageReader {
 public:
  using OnMessage = absl::FunctionRef<absl::Status(engine::v1::EngineMessage message)>;

  // Of one message. No more than this and what is pushed at once is kept.
  explicit MessageReader(int64_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  // DATA_LOSS (ENGINE_PROTOCOL): a length that is none or too large, bytes that are no message of
  // ours. After an error nothing more may be pushed. An error of `on_message` ends it too.
  absl::Status Push(std::span<const uint8_t> bytes, OnMessage on_message);

  // Whether the bytes so far end with a message.
  bool at_border() const { return pending_.empty(); }

 private:
  int64_t max_message_bytes_;
  std::string pending_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_PROGRESS_PIPE_H_
