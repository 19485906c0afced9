#include "core/engine/inspect.h"

#include <array>
#include <string>
#include <utility>

#include "core/base/file.h"
#include "core/base/file_digest.h"
#include "core/base/status_macros.h"
#include "core/data/open_dataset.h"
#include "core/engine/describe_model.h"
#include "core/graph/fix_shapes.h"
#include "core/graph/passes.h"
#include "core/import/import_model.h"
#include "core/runtime/executor.h"
#include "core/runtime/reference/kernel.h"
#include "core/tflite/operator_table.h"

namespace octavo {

absl::StatusOr<std::shared_ptr<const std::vector<uint8_t>>> ReadModelFile(
    const engine::v1::DataFile& file) {
  ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadFile(file.fd(), kMaxModelBytes));
  return std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
}

absl::StatusOr<v1::ModelInfo> InspectModel(const engine::v1::DataFile& file) {
  ASSIGN_OR_RETURN(const auto bytes, ReadModelFile(file));
  ASSIGN_OR_RETURN(const ImportedModel imported, ImportModel(bytes));
  if (CheckNothingIsCarried(imported.baseline).ok()) {
    ASSIGN_OR_RETURN(const Model fixed, FixShapes(imported.baseline));
    RETURN_IF_ERROR(CheckRunnable(fixed));
  }
  return DescribeModel(imported.source, *bytes);
}

absl::StatusOr<v1::DatasetInfo> InspectDataset(const engine::v1::DataFile& file) {
  ASSIGN_OR_RETURN(v1::DatasetInfo info, InspectDatasetFile(file.fd(), kMaxDatasetBytes));
  ASSIGN_OR_RETURN(*info.mutable_digest(), DigestOf(file));
  return info;
}

absl::StatusOr<std::string> DigestOf(const engine::v1::DataFile& file) {
  if (!file.digest().empty()) return file.digest();
  return DigestOfFile(file.fd());
}

engine::v1::EngineDescription DescribeEngine(const EngineIdentity& identity) {
  engine::v1::EngineDescription description;
  description.set_octavo_version(identity.version);
  description.set_engine_build(identity.build);
  description.set_cpu_class(identity.cpu_class);
  for (const OperatorRow& row : OperatorTable()) {
    if (!HasKernel(row.type)) continue;
    description.add_operators(std::string(row.name));
    if (row.int8_version != 0) description.add_int8_operators(std::string(row.name));
  }
  return description;
}

}  // namespace octavo
