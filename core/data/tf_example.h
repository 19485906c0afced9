// tf.Example, the message that records usually hold: named lists of bytes, floats or integers.

#ifndef OCTAVO_CORE_DATA_TF_EXAMPLE_H_
#define OCTAVO_CORE_DATA_TF_EXAMPLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

// Of one record, and of all of a file.
inline constexpr size_t kMaxFeatures = 4096;

enum class FeatureKind { kNone, kBytes, kFloats, kIntegers };

// A list; of the kinds' values only one is there. Bytes lie in the record.
struct Feature {
  FeatureKind kind = FeatureKind::kNone;
  std::vector<std::span<const uint8_t>> bytes;
  std::vector<float> floats;
  std::vector<int64_t> integers;

  size_t size() const { return bytes.size() + floats.size() + integers.size(); }
};

// The features of a record, still as the wire has them. Of a name that is there twice the last one
// counts. INVALID_ARGUMENT (DATASET_MALFORMED): no tf.Example.
using FeatureMap = std::map<absl::string_view, std::span<const uint8_t>>;
absl::StatusOr<FeatureMap> ParseExample(std::span<const uint8_t> record);

// One of them. INVALID_ARGUMENT (DATASET_MALFORMED): damaged, or longer than anyone's.
absl::StatusOr<Feature> ParseFeature(std::span<const uint8_t> feature);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_TF_EXAMPLE_H_
