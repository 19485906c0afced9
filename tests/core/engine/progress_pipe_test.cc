#include "core/engine/progress_pipe.h"

#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What WriteMessage puts on a pipe.
std::string Written(const std::vector<int64_t>& dones) {
  int fds[2];
  EXPECT_EQ(::pipe(fds), 0);
  for (const int64_t done : dones) {
    engine::v1::EngineMessage message;
    message.mutable_progress()->set_done(done);
    EXPECT_THAT(WriteMessage(fds[1], message), IsOk());
  }
  ::close(fds[1]);
  std::string bytes(10000, '\0');
  bytes.resize(::read(fds[0], bytes.data(), bytes.size()));
  ::close(fds[0]);
  return bytes;
}

std::span<const uint8_t> AsBytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

struct Received {
  absl::Status status;
  std::vector<int64_t> dones;
  bool at_border = false;
};

// Pushes `bytes` in parts of `part_size`.
Received Receive(const std::string& bytes, size_t part_size, int64_t max_message_bytes = 1000) {
  MessageReader reader(max_message_bytes);
  Received received;
  for (size_t i = 0; i < bytes.size() && received.status.ok(); i += part_size) {
    received.status = reader.Push(AsBytes(bytes.substr(i, part_size)),
                                  [&](const engine::v1::EngineMessage& message) {
                                    received.dones.push_back(message.progress().done());
                                    return absl::OkStatus();
                                  });
  }
  received.at_border = reader.at_border();
  return received;
}

TEST(ProgressPipe, GivesWhatWasWrittenHoweverItIsCut) {
  const std::string bytes = Written({1, 2'000'000'000'000, 3});
  for (size_t part_size = 1; part_size <= bytes.size(); ++part_size) {
    const Received received = Receive(bytes, part_size);
    EXPECT_THAT(received.status, IsOk());
    EXPECT_THAT(received.dones, ElementsAre(1, 2'000'000'000'000, 3));
    EXPECT_TRUE(received.at_border);
  }
}

TEST(ProgressPipe, KeepsHalfAMessage) {
  const std::string bytes = Written({1, 2});
  const Received received = Receive(bytes.substr(0, bytes.size() - 1), 100);
  EXPECT_THAT(received.status, IsOk());
  EXPECT_THAT(received.dones, ElementsAre(1));
  EXPECT_FALSE(received.at_border);
}

TEST(ProgressPipe, RefusesALargeMessageByItsLength) {
  const Received received = Receive("\xe9\x07", 100);
  EXPECT_THAT(received.status, StatusIs(absl::StatusCode::kDataLoss,
                                        "the engine sent a message of 1001 bytes, more than 1000"));
  EXPECT_EQ(ReasonOf(received.status), "ENGINE_PROTOCOL");
}

TEST(ProgressPipe, RefusesWhatIsNoMessage) {
  EXPECT_THAT(Receive(std::string(6, '\xff'), 1).status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too many bytes")));
  EXPECT_THAT(Receive(std::string(1, '\0'), 1).status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no message")));
  EXPECT_THAT(Receive("\x05qwert", 1).status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("no message")));
}

TEST(ProgressPipe, PassesTheReceiversErrorOn) {
  MessageReader reader(1000);
  const std::string bytes = Written({1});
  EXPECT_THAT(
      reader.Push(AsBytes(bytes),
                  [](const engine::v1::EngineMessage&) { return absl::CancelledError("enough"); }),
      StatusIs(absl::StatusCode::kCancelled, "enough"));
}

TEST(ProgressPipe, EndsOnAnyBytes) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = Written({1, 2, 3});
    for (int edits = 0; edits < 3; ++edits) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const Received received = Receive(bytes, 1 + random() % 8);
    EXPECT_TRUE(received.status.ok() || ReasonOf(received.status) == "ENGINE_PROTOCOL");
  }
}

}  // namespace
}  // namespace octavo
