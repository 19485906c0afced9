// The flags that say how outputs are evaluated, and the messages that they mean.

#ifndef OCTAVO_CLIENT_CLI_METRIC_FLAGS_H_
#define OCTAVO_CLIENT_CLI_METRIC_FLAGS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct MetricFlags {
  std::vector<std::string> metrics;
  std::vector<std::string> targets;
  std::vector<std::string> recurrent;
  std::string sequence;
};

void AddMetricFlags(CLI::App& command, MetricFlags& flags);

// Metrics and the recurrence into `spec`, what is of the evaluation set into its `evaluation`,
// which is left alone where no flag asks for it. INVALID_ARGUMENT names the flag.
absl::Status ParseMetricFlags(const MetricFlags& flags, v1::OptimizeSpec& spec);

// "miou", "Identity=miou,threshold=0.4".
absl::StatusOr<v1::EvaluationSpec> ParseMetric(const std::string& text);

// "Identity->input[3]", "->[0:3],scale=255,offset=-1".
absl::StatusOr<v1::Feedback> ParseFeedback(const std::string& text);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_METRIC_FLAGS_H_
