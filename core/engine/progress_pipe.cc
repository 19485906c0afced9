#include "core/engine/progress_pipe.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "google/protobuf/io/coded_stream.h"

namespace octavo {
namespace {

absl::Status ProtocolError(absl::string_view problem) {
  return WithReason(absl::DataLossError(absl::StrCat("the engine ", problem)), "ENGINE_PROTOCOL");
}

// The length before a message and the bytes it takes itself; size_bytes 0: not all of it is here.
struct Length {
  int64_t message_bytes = 0;
  int size_bytes = 0;
};

// Five bytes hold every length that protobuf can have.
constexpr int kMaxLengthBytes = 5;

absl::StatusOr<Length> ReadLength(absl::string_view bytes) {
  Length length;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == kMaxLengthBytes) return ProtocolError("gave a message's length in too many bytes");
    const auto byte = static_cast<uint8_t>(bytes[i]);
    length.message_bytes |= static_cast<int64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      length.size_bytes = static_cast<int>(i) + 1;
      return length;
    }
  }
  return Length{};
}

}  // namespace

absl::Status WriteMessage(int fd, const engine::v1::EngineMessage& message) {
  const size_t message_bytes = message.ByteSizeLong();
  std::string bytes;
  bytes.resize(kMaxLengthBytes);
  auto* first = reinterpret_cast<uint8_t*>(bytes.data());
  const uint8_t* last = google::protobuf::io::CodedOutputStream::WriteVarint32ToArray(
      static_cast<uint32_t>(message_bytes), first);
  bytes.resize(last - first);
  if (!message.AppendToString(&bytes)) {
    return absl::InternalError("a message of the engine cannot be written");
  }
  return WriteAll(fd, bytes);
}

absl::Status MessageReader::Push(std::span<const uint8_t> bytes, OnMessage on_message) {
  pending_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  absl::string_view left = pending_;
  while (!left.empty()) {
    ASSIGN_OR_RETURN(const Length length, ReadLength(left));
    if (length.size_bytes == 0) break;
    if (length.message_bytes > max_message_bytes_) {
      return ProtocolError(absl::StrCat("sent a message of ", length.message_bytes,
                                        " bytes, more than ", max_message_bytes_));
    }
    if (static_cast<int64_t>(left.size()) < length.size_bytes + length.message_bytes) break;

    engine::v1::EngineMessage message;
    if (!message.ParseFromArray(left.data() + length.size_bytes,
                                static_cast<int>(length.message_bytes)) ||
        message.message_case() == engine::v1::EngineMessage::MESSAGE_NOT_SET) {
      return ProtocolError("sent bytes that are no message");
    }
    left.remove_prefix(length.size_bytes + length.message_bytes);
    RETURN_IF_ERROR(on_message(std::move(message)));
  }
  pending_.erase(0, pending_.size() - left.size());
  return absl::OkStatus();
}

}  // namespace octavo
