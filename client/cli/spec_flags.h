// The flags that describe a job, and the spec that they mean.

#ifndef OCTAVO_CLIENT_CLI_SPEC_FLAGS_H_
#define OCTAVO_CLIENT_CLI_SPEC_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/metric_flags.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct SpecFlags {
  std::vector<std::string> variants;
  std::vector<std::string> keep_float;
  std::vector<std::string> keep_int16;
  int64_t min_weights = 0;
  std::string goal;
  std::vector<std::string> scale;
  std::vector<std::string> offset;
  std::vector<std::string> channels;
  std::vector<std::string> resize;
  std::vector<std::string> repeat;
  MetricFlags metric;
  std::string observer;
  std::string backend;
  int batch = 0;
  int64_t calibrate_examples = 0;
  int64_t evaluate_examples = 0;
  int threads = 0;
  int benchmark_runs = 0;
  bool no_benchmark = false;
  bool convert_only = false;
};

// --scale, --offset, --channels, --resize and --repeat.
void AddPreprocessFlags(CLI::App& command, SpecFlags& flags);

// What they mean, at most one message an input. INVALID_ARGUMENT names the flag.
absl::StatusOr<std::vector<v1::Preprocess>> ParsePreprocessFlags(const SpecFlags& flags);

// All flags, those of preprocessing too.
void AddSpecFlags(CLI::App& command, SpecFlags& flags);

// Everything but the model and the data sets' names. INVALID_ARGUMENT names the flag.
absl::StatusOr<v1::OptimizeSpec> ParseSpecFlags(const SpecFlags& flags);

// "drop<=0.5,size<=0.3x,latency<=0.8x".
absl::StatusOr<v1::Goals> ParseGoals(const std::string& text);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_SPEC_FLAGS_H_
