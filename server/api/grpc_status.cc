#include "server/api/grpc_status.h"

#include <array>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/error_reason.h"
#include "core/base/utf8.h"
#include "google/rpc/code.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

constexpr char kPrefix[] = "type.googleapis.com/google.rpc.";

// What a client needs most stands first; what stands last is left out first.
constexpr std::array kDetailsByNeed = {
    "ErrorInfo",           "RetryInfo",    "BadRequest",  "QuotaFailure",
    "PreconditionFailure", "ResourceInfo", "RequestInfo", "DebugInfo"};

template <typename Detail>
void SetDetail(const Detail& detail, absl::Status& status) {
  status.SetPayload(absl::StrCat(kPrefix, Detail::descriptor()->name()),
                    absl::Cord(detail.SerializeAsString()));
}

bool IsForOperatorsOnly(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kPermissionDenied;
}

// A BadRequest may hold any number of violations: as many as fit in `limit` bytes.
std::string FittingViolations(const std::string& value, size_t limit) {
  google::rpc::BadRequest request;
  if (!request.ParseFromString(value)) return "";
  while (request.ByteSizeLong() > limit && request.field_violations_size() > 0) {
    request.mutable_field_violations()->RemoveLast();
  }
  return request.field_violations_size() > 0 ? request.SerializeAsString() : "";
}

// The reason alone where its metadata takes more than `limit` bytes: names of operators may be
// many.
std::string FittingReason(const std::string& value, size_t limit) {
  google::rpc::ErrorInfo info;
  if (!info.ParseFromString(value)) return "";
  if (info.ByteSizeLong() > limit) info.clear_metadata();
  return info.SerializeAsString();
}

google::rpc::Status WithFittingDetails(const absl::Status& status, std::string message) {
  google::rpc::Status fitting;
  fitting.set_code(static_cast<int>(status.code()));
  fitting.set_message(std::move(message));
  for (const char* name : kDetailsByNeed) {
    const std::string url = absl::StrCat(kPrefix, name);
    const auto payload = status.GetPayload(url);
    if (!payload) continue;
    constexpr size_t kFraming = 64;  // the type's name, tags and lengths
    const size_t used = fitting.ByteSizeLong() + kFraming;
    const size_t room = used < kMaxDetailBytes ? kMaxDetailBytes - used : 0;
    std::string value(*payload);
    if (value.size() > room && url == absl::StrCat(kPrefix, "BadRequest")) {
      value = FittingViolations(value, room);
    } else if (value.size() > room && url == absl::StrCat(kPrefix, "ErrorInfo")) {
      value = FittingReason(value, room);
    }
    if (value.empty() || value.size() > room) continue;
    auto& detail = *fitting.add_details();
    detail.set_type_url(url);
    detail.set_value(value);
  }
  return fitting;
}

}  // namespace

absl::string_view CodeName(absl::StatusCode code) {
  return google::rpc::Code_Name(static_cast<google::rpc::Code>(code));
}

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id) {
  if (status.ok()) return grpc::Status::OK;
  absl::Status outgoing = status;
  std::string message = Shortened(status.message(), kMaxMessageBytes);
  if (IsForOperatorsOnly(status.code())) {
    message = absl::StrCat("the server failed; its log says more under request ", request_id);
    outgoing = absl::Status(status.code(), message);
  }
  if (ReasonOf(outgoing).empty()) outgoing = WithReason(outgoing, CodeName(status.code()));
  google::rpc::RequestInfo request;
  request.set_request_id(std::string(request_id));
  SetDetail(request, outgoing);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), message,
                      WithFittingDetails(outgoing, message).SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status converted(static_cast<absl::StatusCode>(status.error_code()),
                         status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return converted;
  for (const auto& detail : details.details()) {
    converted.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return converted;
}

absl::Status WithResource(absl::Status status, absl::string_view name) {
  if (status.code() != absl::StatusCode::kNotFound) return status;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(name, absl::MaxSplits('/', 1));
  google::rpc::ResourceInfo resource;
  resource.set_resource_type(std::string(parts.first));
  resource.set_resource_name(std::string(name));
  SetDetail(resource, status);
  return status;
}

}  // namespace octavo
