#include "core/report/report_json.h"

#include <limits>
#include <string>

#include "absl/status/status_matchers.h"
#include "core/report/report_builder.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/core/report/sample_report.h"

namespace octavo {
namespace {

using ::absl_testing::IsOk;
using ::testing::HasSubstr;

v1::Report JudgedSample() {
  v1::Report report = SampleReport();
  JudgeReport(report);
  return report;
}

TEST(ReportJson, ReadsBackAsTheSameReport) {
  const v1::Report report = JudgedSample();
  const auto json = ReportJson(report);
  ASSERT_THAT(json, IsOk());
  v1::Report again;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(*json, &again).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(report, again));
}

TEST(ReportJson, WritesNumbersAsNumbersUnderTheProtosNames) {
  const auto text = ReportJson(JudgedSample());
  ASSERT_THAT(text, IsOk());
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["model"]["size_bytes"], 85372);
  EXPECT_TRUE(json["model"]["size_bytes"].is_number_integer());
  EXPECT_EQ(json["evaluation"]["examples"], 10000);
  EXPECT_EQ(json["variants"][1]["artifact"]["size_bytes"], 45240);
  EXPECT_TRUE(json["variants"][1]["accuracy"]["confusion"][0].is_number_integer());
  EXPECT_EQ(json["variants"][1]["accuracy"]["top1"], 0.9791);
  EXPECT_EQ(json["spec"]["calibration"]["max_examples"], 100);
  EXPECT_EQ(json["verdict"], "VERDICT_PARTIAL");
  EXPECT_EQ(json["variants"][0]["spec"]["scheme"], "SCHEME_FLOAT32");
  EXPECT_EQ(json["variants"][0]["fidelity"]["sqnr_db"], "Infinity");
  EXPECT_EQ(json["create_time"], "2026-09-21T14:13:20Z");
  // Zero values are there too.
  EXPECT_EQ(json["variants"][0]["meets_goals"], false);
  EXPECT_FALSE(json["variants"][0].contains("error"));
  EXPECT_EQ(json["variants"][0]["latency"]["shared"], false);
}

TEST(ReportJson, KeepsNamesThatLookLikeNumbers) {
  v1::Report report;
  report.set_octavo_version("12");
  report.mutable_spec()->mutable_evaluation()->set_labels("34");
  report.mutable_spec()->add_variants()->set_name("56");
  const auto text = ReportJson(report);
  ASSERT_THAT(text, IsOk());
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  EXPECT_EQ(json["octavo_version"], "12");
  EXPECT_EQ(json["spec"]["evaluation"]["labels"], "34");
  EXPECT_EQ(json["spec"]["variants"][0]["name"], "56");
}

TEST(ReportJson, HoldsTheLargestIntegers) {
  v1::Report report;
  report.mutable_model()->set_size_bytes(std::numeric_limits<int64_t>::max());
  report.mutable_model()->set_parameters(-1);
  const auto text = ReportJson(report);
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr("\"size_bytes\": 9223372036854775807"));
  EXPECT_THAT(*text, HasSubstr("\"parameters\": -1"));
}

TEST(ReportJson, WritesSamplesInOneLine) {
  v1::Report report;
  v1::Latency& latency = *report.add_variants()->mutable_latency();
  latency.add_samples_ms(0.5f);
  latency.add_samples_ms(0.009f);
  const auto text = ReportJson(report);
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr("\n        \"samples_ms\": [0.5, 0.009]"));
}

TEST(ReportJson, WritesErrorsWhoseDetailsItDoesNotKnow) {
  v1::Report report;
  v1::VariantReport& variant = *report.add_variants();
  variant.mutable_error()->set_message("broken");
  variant.mutable_error()->add_details()->set_type_url("type.googleapis.com/some.Unknown");
  const auto text = ReportJson(report);
  ASSERT_THAT(text, IsOk());
  EXPECT_THAT(*text, HasSubstr("broken"));
}

TEST(ReportJson, WritesAnEmptyReport) {
  const auto text = ReportJson(v1::Report());
  ASSERT_THAT(text, IsOk());
  EXPECT_TRUE(nlohmann::json::parse(*text, nullptr, false).is_object());
}

}  // namespace
}  // namespace octavo
