#include "server/api/field_checks.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "google/rpc/error_details.pb.h"
#include "server/store/random_id.h"

namespace octavo {
namespace {

constexpr size_t kMaxProblems = 50;
constexpr size_t kMaxTextBytes = 128;
constexpr int kMaxLabels = 64;
constexpr size_t kMaxKeyBytes = 63;
constexpr size_t kMaxValueBytes = 256;

bool HasControlCharacters(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

void FieldErrors::Add(absl::string_view field, absl::string_view problem) {
  if (problems_.size() < kMaxProblems) problems_.emplace_back(field, problem);
}

absl::Status FieldErrors::ToStatus() const {
  if (problems_.empty()) return absl::OkStatus();
  absl::Status status = FieldError(problems_.front().first, problems_.front().second);
  google::rpc::BadRequest request;
  for (const auto& [field, problem] : problems_) {
    auto& violation = *request.add_field_violations();
    violation.set_field(field);
    violation.set_description(problem);
  }
  status.SetPayload("type.googleapis.com/google.rpc.BadRequest",
                    absl::Cord(request.SerializeAsString()));
  return status;
}

void CheckName(absl::string_view field, absl::string_view name, absl::string_view collection,
               FieldErrors& errors) {
  // The name is not repeated: it may be anything, of any length.
  errors.Check(IsResourceName(name, collection), field,
               absl::StrCat("is not a name of the form \"", collection, "/{id}\""));
}

void CheckArtifactName(absl::string_view field, absl::string_view name, FieldErrors& errors) {
  const bool ok = absl::ConsumePrefix(&name, "artifacts/") && IsSha256Hex(name);
  errors.Check(ok, field, "is not a name of the form \"artifacts/{digest}\"");
}

void CheckText(absl::string_view field, absl::string_view text, FieldErrors& errors) {
  errors.Check(text.size() <= kMaxTextBytes, field,
               absl::StrCat("has ", text.size(), " bytes, at most ", kMaxTextBytes, " are taken"));
  errors.Check(!HasControlCharacters(text), field, "has control characters");
}

void CheckLabels(absl::string_view field,
                 const google::protobuf::Map<std::string, std::string>& labels,
                 FieldErrors& errors) {
  errors.Check(labels.size() <= kMaxLabels, field,
               absl::StrCat(labels.size(), " labels, at most ", kMaxLabels, " are taken"));
  for (const auto& [key, value] : labels) {
    errors.Check(
        !key.empty() && key.size() <= kMaxKeyBytes, field,
        absl::StrCat("a key has ", key.size(), " bytes, 1 to ", kMaxKeyBytes, " are taken"));
    errors.Check(value.size() <= kMaxValueBytes, field,
                 absl::StrCat("a value has ", value.size(), " bytes, at most ", kMaxValueBytes,
                              " are taken"));
  }
}

absl::Status CheckedName(absl::string_view name, absl::string_view collection) {
  FieldErrors errors;
  CheckName("name", name, collection, errors);
  return errors.ToStatus();
}

}  // namespace octavo
