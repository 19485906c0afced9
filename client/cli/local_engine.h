// Runs the engine here, with no server.

#ifndef OCTAVO_CLIENT_CLI_LOCAL_ENGINE_H_
#define OCTAVO_CLIENT_CLI_LOCAL_ENGINE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "octavo/engine/v1/engine.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct LocalJob {
  v1::OptimizeSpec spec;
  std::string model_path;
  std::string calibration_path;  // empty: none
  std::string evaluation_path;   // empty: none
  std::string output_folder;     // exists
  // What calibrations gathered is kept there for later jobs; empty: nowhere.
  std::string cache_folder;
  int64_t cache_bytes = 0;
};

// $XDG_CACHE_HOME/octavo/statistics or ~/.cache/octavo/statistics; empty where neither is known.
std::string DefaultCacheFolder();

using EngineMessageCallback = std::function<void(const engine::v1::EngineMessage&)>;

// The files NAME.tflite, report.json and report.html appear in the output folder. A cache that
// cannot be used is done without. On failure the
// engine's last lines go to standard error.
absl::StatusOr<engine::v1::EngineResult> OptimizeLocally(const LocalJob& job,
                                                         const EngineMessageCallback& on_message);

struct LocalComparison {
  std::string path_a;
  std::string path_b;
  std::string data_path;
  // The files' descriptors are filled in.
  engine::v1::CompareWork work;
};

// Model b against model a; on failure the engine's last lines go to standard error.
absl::StatusOr<engine::v1::EngineResult> CompareLocally(const LocalComparison& comparison,
                                                        const EngineMessageCallback& on_message);

// What is in a model or a data set; by content.
absl::StatusOr<engine::v1::EngineResult> InspectLocally(const std::string& path);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_LOCAL_ENGINE_H_
