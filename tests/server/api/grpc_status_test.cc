#include "server/api/grpc_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/api/field_checks.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <typename Detail>
bool GetDetail(const grpc::Status& status, Detail* detail) {
  google::rpc::Status message;
  if (!message.ParseFromString(status.error_details())) return false;
  for (const auto& any : message.details()) {
    if (any.UnpackTo(detail)) return true;
  }
  return false;
}

TEST(GrpcStatus, ComesBackWithItsDetails) {
  const absl::Status status = WithRetryDelay(
      WithReason(absl::ResourceExhaustedError("the queue is full"), "QUEUE_FULL", {{"limit", "7"}}),
      absl::Milliseconds(1500));
  const grpc::Status sent = ToGrpcStatus(status, "r1");
  EXPECT_EQ(sent.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(sent.error_message(), "the queue is full");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(GetDetail(sent, &retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
  google::rpc::RequestInfo request;
  ASSERT_TRUE(GetDetail(sent, &request));
  EXPECT_EQ(request.request_id(), "r1");
  const absl::Status back = FromGrpcStatus(sent);
  EXPECT_EQ(back.code(), status.code());
  EXPECT_EQ(ReasonOf(back), "QUEUE_FULL");
}

TEST(GrpcStatus, SaysWhichLimitAndWhichPrecondition) {
  const absl::Status full =
      WithQuotaFailure(absl::ResourceExhaustedError("the queue is full"), "server");
  google::rpc::QuotaFailure quota;
  ASSERT_TRUE(GetDetail(ToGrpcStatus(full, "r"), &quota));
  EXPECT_EQ(quota.violations(0).subject(), "server");
  EXPECT_EQ(quota.violations(0).description(), "the queue is full");
  const absl::Status missing = WithPreconditionFailure(
      absl::FailedPreconditionError("blob abc is missing"), "MISSING", "abc");
  google::rpc::PreconditionFailure failure;
  ASSERT_TRUE(GetDetail(ToGrpcStatus(missing, "r"), &failure));
  EXPECT_EQ(failure.violations(0).type(), "MISSING");
  EXPECT_EQ(failure.violations(0).subject(), "abc");
}

TEST(GrpcStatus, AddsToAReasonThatIsThere) {
  const absl::Status status =
      WithReason(absl::FailedPreconditionError("no"), "OP_UNSUPPORTED", {{"operator", "LSTM"}});
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(GetDetail(ToGrpcStatus(WithMetadata(status, "tensor", "y"), "r"), &info));
  EXPECT_EQ(info.reason(), "OP_UNSUPPORTED");
  EXPECT_EQ(info.metadata().at("operator"), "LSTM");
  EXPECT_EQ(info.metadata().at("tensor"), "y");
  EXPECT_EQ(WithMetadata(absl::NotFoundError("x"), "a", "b"), absl::NotFoundError("x"));
}

TEST(GrpcStatus, KeepsTheReasonWhereItsMetadataIsTooLarge) {
  const absl::Status status = WithReason(absl::FailedPreconditionError(std::string(1000, 'm')),
                                         "OP_UNSUPPORTED", {{"operator", std::string(5000, 'o')}});
  const grpc::Status sent = ToGrpcStatus(status, "r");
  EXPECT_LE(sent.error_details().size(), kMaxDetailBytes);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(GetDetail(sent, &info));
  EXPECT_EQ(info.reason(), "OP_UNSUPPORTED");
}

TEST(GrpcStatus, IsOkForOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus(), "r").ok());
  EXPECT_EQ(FromGrpcStatus(grpc::Status::OK), absl::OkStatus());
}

TEST(GrpcStatus, HasAReasonAlways) {
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(GetDetail(ToGrpcStatus(absl::NotFoundError("jobs/x"), "r"), &info));
  EXPECT_EQ(info.reason(), "NOT_FOUND");
  EXPECT_EQ(info.domain(), "octavo");
}

TEST(GrpcStatus, KeepsToItselfWhatIsForOperators) {
  for (const absl::Status& status :
       {absl::InternalError("open /srv/secret/octavo.db: no"), absl::UnknownError("/srv/secret"),
        absl::PermissionDeniedError("/srv/secret")}) {
    const grpc::Status sent =
        ToGrpcStatus(WithReason(status, "X", {{"path", "/srv/secret"}}), "r7");
    EXPECT_EQ(static_cast<int>(sent.error_code()), static_cast<int>(status.code()));
    EXPECT_THAT(sent.error_message(), Not(HasSubstr("secret")));
    EXPECT_THAT(sent.error_message(), HasSubstr("r7"));
    EXPECT_THAT(sent.error_details(), Not(HasSubstr("secret")));
  }
}

TEST(GrpcStatus, FitsIntoTrailersWhateverItHolds) {
  FieldErrors errors;
  for (int i = 0; i < 100; ++i) errors.Add(absl::StrCat("field", i), std::string(300, 'x'));
  absl::Status status = errors.ToStatus();
  google::rpc::DebugInfo debug;
  for (int i = 0; i < 50; ++i) debug.add_stack_entries(std::string(500, 'y'));
  status.SetPayload("type.googleapis.com/google.rpc.DebugInfo",
                    absl::Cord(debug.SerializeAsString()));
  const grpc::Status sent = ToGrpcStatus(status, "r");
  EXPECT_LE(sent.error_details().size(), kMaxDetailBytes);
  google::rpc::BadRequest bad;
  ASSERT_TRUE(GetDetail(sent, &bad));
  EXPECT_GE(bad.field_violations_size(), 5);
  EXPECT_EQ(bad.field_violations(0).field(), "field0");
  google::rpc::RequestInfo request;
  EXPECT_TRUE(GetDetail(sent, &request));
  EXPECT_FALSE(GetDetail(sent, &debug));
  const grpc::Status long_message =
      ToGrpcStatus(absl::InvalidArgumentError(absl::StrCat(std::string(1020, 'a'), "äöüß")), "r");
  EXPECT_LE(long_message.error_message().size(), kMaxMessageBytes);
  EXPECT_THAT(long_message.error_message(), HasSubstr("aaa..."));
}

TEST(WithResource, NamesOnlyWhatIsNotFound) {
  const absl::Status status = WithResource(absl::NotFoundError("jobs/x: not found"), "jobs/x");
  google::rpc::ResourceInfo resource;
  ASSERT_TRUE(GetDetail(ToGrpcStatus(status, "r"), &resource));
  EXPECT_EQ(resource.resource_type(), "jobs");
  EXPECT_EQ(resource.resource_name(), "jobs/x");
  EXPECT_EQ(WithResource(absl::OkStatus(), "jobs/x"), absl::OkStatus());
  EXPECT_FALSE(
      GetDetail(ToGrpcStatus(WithResource(absl::AbortedError(""), "jobs/x"), "r"), &resource));
}

}  // namespace
}  // namespace octavo
