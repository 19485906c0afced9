#include "server/metrics/job_metrics.h"

#include <gtest/gtest.h>

#include <string>

#include "core/base/error_reason.h"

namespace octavo {
namespace {

v1::Job EndedJob(v1::Job::State state, v1::Verdict verdict = v1::VERDICT_UNSPECIFIED,
                 const absl::Status& error = absl::OkStatus()) {
  v1::Job job;
  job.set_state(state);
  job.set_verdict(verdict);
  job.mutable_start_time()->set_seconds(100);
  job.mutable_end_time()->set_seconds(107);
  if (!error.ok()) *job.mutable_error() = ToRpcStatus(error);
  return job;
}

double Finished(const Metrics& metrics, const char* outcome, const char* reason_class) {
  return metrics.jobs_finished.At({outcome, reason_class}).Value();
}

double HistogramSum(const prometheus::Histogram& histogram) {
  return histogram.Collect().histogram.sample_sum;
}

TEST(CountJobEnd, TellsOutcomesApart) {
  Metrics metrics;
  CountJobEnd(EndedJob(v1::Job::STATE_SUCCEEDED, v1::VERDICT_PASS), false, metrics);
  CountJobEnd(EndedJob(v1::Job::STATE_SUCCEEDED, v1::VERDICT_GOALS_MISSED), false, metrics);
  CountJobEnd(EndedJob(v1::Job::STATE_SUCCEEDED, v1::VERDICT_PARTIAL), false, metrics);
  CountJobEnd(EndedJob(v1::Job::STATE_CANCELLED), false, metrics);
  for (const char* outcome : {"succeeded", "goals_missed", "partial", "cancelled"}) {
    EXPECT_EQ(Finished(metrics, outcome, "none"), 1) << outcome;
    EXPECT_EQ(HistogramSum(metrics.job_duration.At({outcome})), 7) << outcome;
  }
}

TEST(CountJobEnd, SaysWhoseFaultAFailureWas) {
  struct Case {
    absl::Status error;
    const char* reason_class;
  };
  const Case cases[] = {
      {WithReason(absl::InternalError("x"), "WORKER_CRASH"), "crash"},
      {WithReason(absl::ResourceExhaustedError("x"), "WORKER_OOM"), "oom"},
      {WithReason(absl::DeadlineExceededError("x"), "STAGE_TIMEOUT"), "timeout"},
      {absl::InvalidArgumentError("x"), "input"},
      {absl::FailedPreconditionError("x"), "input"},
      {absl::UnavailableError("x"), "infrastructure"},
  };
  for (const Case& c : cases) {
    Metrics metrics;
    CountJobEnd(EndedJob(v1::Job::STATE_FAILED, v1::VERDICT_UNSPECIFIED, c.error), false, metrics);
    EXPECT_EQ(Finished(metrics, "failed", c.reason_class), 1) << c.error;
  }
  Metrics metrics;
  CountJobEnd(EndedJob(v1::Job::STATE_FAILED, v1::VERDICT_UNSPECIFIED, cases[0].error), true,
              metrics);
  EXPECT_EQ(Finished(metrics, "quarantined", "crash"), 1);
}

TEST(CountReport, CountsWhatWasMeasured) {
  Metrics metrics;
  v1::Report report;
  report.mutable_calibration()->set_examples(64);
  v1::VariantReport& variant = *report.add_variants();
  variant.mutable_spec()->set_scheme(v1::SCHEME_DYNAMIC_INT8);
  variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
  variant.set_size_ratio(0.3);
  variant.mutable_accuracy()->set_drop_points(0.5);
  variant.mutable_fidelity()->set_examples(100);
  CountReport(report, metrics);
  EXPECT_EQ(metrics.variants.At({"dynamic-int8", "succeeded"}).Value(), 1);
  EXPECT_EQ(HistogramSum(metrics.variant_drop.At({"dynamic-int8"})), 0.5);
  EXPECT_EQ(HistogramSum(metrics.variant_size_ratio.At({"dynamic-int8"})), 0.3);
  EXPECT_EQ(HistogramSum(metrics.variant_latency_ratio.At({"dynamic-int8"})), 0);
  EXPECT_EQ(metrics.evaluation_examples.At({}).Value(), 100);
  EXPECT_EQ(metrics.calibration_examples.At({}).Value(), 64);

  variant.set_state(v1::VariantReport::STATE_SKIPPED);
  CountReport(report, metrics);
  EXPECT_EQ(metrics.variants.At({"dynamic-int8", "skipped"}).Value(), 1);
  EXPECT_EQ(metrics.evaluation_examples.At({}).Value(), 100);
}

TEST(CountStage, PutsUsualVariantsUnderTheirScheme) {
  Metrics metrics;
  CountStage(v1::STAGE_CALIBRATE, "", absl::Seconds(1), metrics);
  CountStage(v1::STAGE_QUANTIZE, "int8-uint8io", absl::Seconds(2), metrics);
  CountStage(v1::STAGE_QUANTIZE, "dynamic-int8", absl::Seconds(3), metrics);
  CountStage(v1::STAGE_QUANTIZE, "mine", absl::Seconds(4), metrics);
  EXPECT_EQ(HistogramSum(metrics.stage_duration.At({"calibrate", "none"})), 1);
  EXPECT_EQ(HistogramSum(metrics.stage_duration.At({"quantize", "int8"})), 2);
  EXPECT_EQ(HistogramSum(metrics.stage_duration.At({"quantize", "dynamic-int8"})), 3);
  EXPECT_EQ(HistogramSum(metrics.stage_duration.At({"quantize", "other"})), 4);
}

}  // namespace
}  // namespace octavo
