#include <set>
#include <string>

#include "absl/status/status_matchers.h"
#include "absl/strings/escaping.h"
#include "core/base/error_reason.h"
#include "gtest/gtest.h"
#include "server/store/page.h"
#include "server/store/random_id.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;

TEST(RandomId, IsNeverTheSameAndIsAnId) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewId();
    EXPECT_TRUE(IsId(id)) << id;
    EXPECT_TRUE(IsResourceName("jobs/" + id, "jobs"));
    EXPECT_EQ(IdOf("jobs/" + id), id);
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000);
}

TEST(RandomId, TakesNothingElseForOne) {
  const std::string id = NewId();
  for (const std::string& text :
       {std::string(), std::string("."), std::string(".."), id.substr(1), id + "a",
        "/" + id.substr(1), std::string(26, 'A'), std::string(26, '1'), std::string(26, '\0'),
        std::string("../../../../../../../../aa"), id.substr(0, 25) + "\xc3", "jobs/" + id}) {
    EXPECT_FALSE(IsId(text)) << absl::CEscape(text);
    EXPECT_FALSE(IsResourceName("jobs/" + text, "jobs")) << absl::CEscape(text);
  }
  EXPECT_FALSE(IsResourceName("models/" + id, "jobs"));
  EXPECT_FALSE(IsResourceName("jobs-" + id, "jobs"));
  EXPECT_FALSE(IsResourceName("jobs", "jobs"));
}

TEST(PageToken, ComesBackAsItWent) {
  const std::string name = "jobs/" + NewId();
  const auto request =
      ParsePageRequest(7, EncodePageToken({.create_time_us = 1'700'000'000'000'001, .name = name}));
  ASSERT_THAT(request, IsOk());
  EXPECT_EQ(request->size, 7);
  EXPECT_EQ(request->start.create_time_us, 1'700'000'000'000'001);
  EXPECT_EQ(request->start.name, name);
}

TEST(PageToken, IsRefusedIfItIsNotOurs) {
  const std::string good = EncodePageToken({.create_time_us = 5, .name = "jobs/a"});
  std::string changed = good;
  changed[2] = changed[2] == 'A' ? 'B' : 'A';
  for (const std::string& token :
       {std::string("x"), changed, good.substr(1), good + good, std::string(100'000, 'A'),
        std::string("\0\xff", 2), absl::WebSafeBase64Escape("5 jobs/a 00000000")}) {
    const auto request = ParsePageRequest(1, token);
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument) << token.substr(0, 80);
    EXPECT_EQ(ReasonOf(request.status()), "FIELD_INVALID");
  }
}

TEST(PageRequest, HasDefaultAndLargestSize) {
  EXPECT_EQ(ParsePageRequest(0, "")->size, 50);
  EXPECT_EQ(ParsePageRequest(1'000'000, "")->size, 500);
  EXPECT_EQ(ParsePageRequest(-1, "").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace octavo
