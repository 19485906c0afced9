#include "server/metrics/job_metrics.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "core/base/error_reason.h"

namespace octavo {
namespace {

// "SCHEME_DYNAMIC_INT8" -> "dynamic-int8".
std::string SchemeName(v1::Scheme scheme) {
  const std::string& name = v1::Scheme_Name(scheme);
  return absl::StrReplaceAll(absl::AsciiStrToLower(absl::StripPrefix(name, "SCHEME_")),
                             {{"_", "-"}});
}

// "int8-uint8io" -> "int8". Other names are the client's and count as "other".
absl::string_view SchemeOfVariant(absl::string_view variant) {
  if (variant.empty()) return "none";
  if (variant == "int8-int8io" || variant == "int8-uint8io") return "int8";
  return variant;
}

std::string StageName(v1::Stage stage) {
  const std::string& name = v1::Stage_Name(stage);
  return absl::AsciiStrToLower(absl::StripPrefix(name, "STAGE_"));
}

std::string Outcome(const v1::Job& job) {
  if (job.state() == v1::Job::STATE_CANCELLED) return "cancelled";
  if (job.state() != v1::Job::STATE_SUCCEEDED) return "failed";
  if (job.verdict() == v1::VERDICT_GOALS_MISSED) return "goals_missed";
  if (job.verdict() == v1::VERDICT_PARTIAL) return "partial";
  return "succeeded";
}

// Whose fault a failure was: the client's input, what the engine did with it, or ours.
std::string ReasonClass(const v1::Job& job) {
  if (job.state() != v1::Job::STATE_FAILED) return "none";
  const absl::Status error = FromRpcStatus(job.error());
  const std::string reason = ReasonOf(error);
  if (reason == "WORKER_CRASH") return "crash";
  if (reason == "WORKER_OOM") return "oom";
  if (reason == "STAGE_TIMEOUT" || error.code() == absl::StatusCode::kDeadlineExceeded) {
    return "timeout";
  }
  const bool input = error.code() == absl::StatusCode::kInvalidArgument ||
                     error.code() == absl::StatusCode::kFailedPrecondition ||
                     error.code() == absl::StatusCode::kUnimplemented;
  return input ? "input" : "infrastructure";
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

double SecondsBetween(const google::protobuf::Timestamp& from,
                      const google::protobuf::Timestamp& to) {
  return absl::ToDoubleSeconds(ToTime(to) - ToTime(from));
}

std::string VerdictName(v1::VariantReport::State state) {
  if (state == v1::VariantReport::STATE_SUCCEEDED) return "succeeded";
  return state == v1::VariantReport::STATE_SKIPPED ? "skipped" : "failed";
}

void CountVariant(const v1::VariantReport& variant, Metrics& metrics) {
  const std::string scheme = SchemeName(variant.spec().scheme());
  metrics.variants.At({scheme, VerdictName(variant.state())}).Increment();
  if (variant.state() != v1::VariantReport::STATE_SUCCEEDED) return;
  metrics.variant_size_ratio.At({scheme}).Observe(variant.size_ratio());
  if (variant.has_accuracy()) {
    metrics.variant_drop.At({scheme}).Observe(variant.accuracy().drop_points());
  }
  if (variant.has_latency()) {
    metrics.variant_latency_ratio.At({scheme}).Observe(variant.latency().ratio());
  }
  metrics.evaluation_examples.At({}).Increment(static_cast<double>(variant.fidelity().examples()));
}

}  // namespace

void CountJobEnd(const v1::Job& job, bool quarantined, Metrics& metrics) {
  const std::string outcome = quarantined ? "quarantined" : Outcome(job);
  metrics.jobs_finished.At({outcome, ReasonClass(job)}).Increment();
  if (job.has_start_time()) {
    metrics.job_duration.At({outcome}).Observe(SecondsBetween(job.start_time(), job.end_time()));
  }
}

void CountReport(const v1::Report& report, Metrics& metrics) {
  metrics.calibration_examples.At({}).Increment(
      static_cast<double>(report.calibration().examples()));
  for (const v1::VariantReport& variant : report.variants()) CountVariant(variant, metrics);
}

void CountStage(v1::Stage stage, absl::string_view variant, absl::Duration duration,
                Metrics& metrics) {
  metrics.stage_duration.At({StageName(stage), SchemeOfVariant(variant)})
      .Observe(absl::ToDoubleSeconds(duration));
}

}  // namespace octavo
