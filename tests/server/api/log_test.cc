#include "server/api/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/base/file.h"

namespace octavo {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Written(Log::Format format, absl::string_view message, const Log::Fields& fields) {
  const UniqueFd file(::memfd_create("log", MFD_CLOEXEC));
  Log(format, file.get()).Info(message, fields);
  const auto bytes = ReadFile(file.get(), 1 << 20);
  return std::string(bytes->begin(), bytes->end());
}

TEST(Log, WritesOneJsonObjectALine) {
  const std::string line =
      Written(Log::Format::kJson, "rpc", {{"method", "GetJob"}, {"seconds", 0.25}});
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["severity"], "info");
  EXPECT_EQ(json["message"], "rpc");
  EXPECT_EQ(json["method"], "GetJob");
  EXPECT_EQ(json["seconds"], 0.25);
  EXPECT_TRUE(json["time"].is_string());
}

TEST(Log, LetsNoValueStartALine) {
  const std::string evil = "x\n{\"severity\":\"error\"}\r\x1b[2J\xff";
  for (const Log::Format format : {Log::Format::kJson, Log::Format::kText}) {
    const std::string line = Written(format, evil, {{"name", evil}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_THAT(line, Not(HasSubstr("\x1b")));
    EXPECT_THAT(line, Not(HasSubstr("\r")));
  }
}

}  // namespace
}  // namespace octavo
