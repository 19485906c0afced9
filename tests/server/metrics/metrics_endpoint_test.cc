#include "server/metrics/metrics_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;

std::string Scrape(int port) {
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return "no connection";
  }
  EXPECT_TRUE(WriteAll(socket.get(), "GET /metrics HTTP/1.0\r\n\r\n").ok());
  std::string page;
  char bytes[4096];
  for (ssize_t count; (count = ::read(socket.get(), bytes, sizeof bytes)) > 0;) {
    page.append(bytes, static_cast<size_t>(count));
  }
  return page;
}

TEST(MetricsEndpoint, BringsGaugesUpToDateBeforeEachScrape) {
  Metrics metrics;
  int scrapes = 0;
  auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", metrics,
                                         [&] { metrics.queue_depth.At({}).Set(++scrapes); });
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const std::string first = Scrape((*endpoint)->port());
  EXPECT_THAT(first, HasSubstr("200 OK"));
  EXPECT_THAT(first, HasSubstr("octavo_queue_depth 1\n"));
  const std::string second = Scrape((*endpoint)->port());
  EXPECT_THAT(second, HasSubstr("octavo_queue_depth 2\n"));
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(first, HasSubstr(absl::StrCat("\n", name, " ")));
  }
}

TEST(MetricsEndpoint, SaysThatAnAddressIsTaken) {
  Metrics metrics;
  auto first = MetricsEndpoint::Start("127.0.0.1:0", metrics, [] {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second =
      MetricsEndpoint::Start(absl::StrCat("127.0.0.1:", (*first)->port()), metrics, [] {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace octavo
