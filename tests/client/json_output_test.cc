#include "client/cli/json_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octavo/v1/jobs.pb.h"
#include "tests/testing/status_matchers.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;

TEST(PrintJson, HasTheProtosFieldNames) {
  v1::Job job;
  job.set_display_name("digits");
  ::testing::internal::CaptureStdout();
  EXPECT_THAT(PrintJson(job), IsOk());
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("\"display_name\": \"digits\""));
}

TEST(PrintJson, PrintsNothingThatIsNoJson) {
  v1::Job job;
  google::protobuf::Any& detail = *job.mutable_error()->add_details();
  detail.set_type_url("type.googleapis.com/somebody.Elses");
  detail.set_value("x");
  ::testing::internal::CaptureStdout();
  EXPECT_THAT(PrintJson(job), StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace octavo
