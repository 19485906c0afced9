// The engine's small works: what is in an upload, and what the engine itself is.

#ifndef OCTAVO_CORE_ENGINE_INSPECT_H_
#define OCTAVO_CORE_ENGINE_INSPECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/engine_identity.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {

// The largest model: a flatbuffer's offsets have 31 bits.
inline constexpr int64_t kMaxModelBytes = int64_t{1} << 31;
// The largest data set, unpacked, where no memory limit says less.
inline constexpr int64_t kMaxDatasetBytes = int64_t{1} << 38;

// The whole file. INVALID_ARGUMENT: no file. RESOURCE_EXHAUSTED: too large.
absl::StatusOr<std::shared_ptr<const std::vector<uint8_t>>> ReadModelFile(
    const engine::v1::DataFile& file);

// Errors as ImportModel's, and FixShapes's: a model that is READY can be run.
absl::StatusOr<v1::ModelInfo> InspectModel(const engine::v1::DataFile& file);

// Errors as InspectDatasetFile's.
absl::StatusOr<v1::DatasetInfo> InspectDataset(const engine::v1::DataFile& file);

// As the caller knows it, or else of the file's bytes.
absl::StatusOr<std::string> DigestOf(const engine::v1::DataFile& file);

engine::v1::EngineDescription DescribeEngine(const EngineIdentity& identity);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_INSPECT_H_
