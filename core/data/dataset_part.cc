#include "core/data/dataset_part.h"

namespace octavo {

DatasetPart::DatasetPart(const Dataset& whole, std::vector<int64_t> places)
    : whole_(whole), places_(std::move(places)) {
  if (whole.labels().empty()) return;
  for (const int64_t place : places_) labels_.push_back(whole.labels()[place]);
}

HeldBack HoldBackAFifth(int64_t size) {
  constexpr int64_t kParts = 5;
  HeldBack parts;
  for (int64_t place = 0; place < size; ++place) {
    const bool is_held_back = place % kParts == kParts - 1;
    if (is_held_back || size < kParts) parts.held_back.push_back(place);
    if (!is_held_back || size < kParts) parts.used.push_back(place);
  }
  return parts;
}

}  // namespace octavo
