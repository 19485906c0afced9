// Some of a data set's examples, as a data set of their own.

#ifndef OCTAVO_CORE_DATA_DATASET_PART_H_
#define OCTAVO_CORE_DATA_DATASET_PART_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/data/dataset.h"

namespace octavo {

// Thread-safe as the whole is, which is the caller's.
class DatasetPart : public Dataset {
 public:
  // `places` of `whole`, each in [0, whole.size()).
  DatasetPart(const Dataset& whole, std::vector<int64_t> places);

  int64_t size() const override { return static_cast<int64_t>(places_.size()); }
  absl::StatusOr<Example> Get(int64_t index) const override { return whole_.Get(places_[index]); }
  const std::vector<int64_t>& labels() const override { return labels_; }
  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    return whole_.ExampleDigest(places_[index]);
  }

 private:
  const Dataset& whole_;
  const std::vector<int64_t> places_;
  std::vector<int64_t> labels_;
};

// Every fifth example of `whole`, and the others. A set of fewer than five is in both parts.
struct HeldBack {
  std::vector<int64_t> used;
  std::vector<int64_t> held_back;
};
HeldBack HoldBackAFifth(int64_t size);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_DATASET_PART_H_
