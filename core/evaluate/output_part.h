// A model's output, or some places along its last axis.

#ifndef OCTAVO_CORE_EVALUATE_OUTPUT_PART_H_
#define OCTAVO_CORE_EVALUATE_OUTPUT_PART_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tflite/model.h"

namespace octavo {

struct OutputPart {
  std::string name;     // "NAME", or "NAME[4:14]"
  int output = 0;       // the output's place among the model's
  int64_t offset = 0;   // of the output's first element among those of all outputs
  int64_t rows = 0;     // elements of the output but for its last axis
  int64_t columns = 0;  // of its last axis
  int64_t begin = 0;    // of them, those in [begin, end)
  int64_t end = 0;
  Shape shape;  // of the part, with the batch axis

  int64_t width() const { return end - begin; }
  int64_t size() const { return rows * width(); }
  // The part's values, row-major, from those of all outputs, one after the other.
  std::vector<float> Of(std::span<const float> outputs) const;
};

// The part of `model` (fixed shapes) that a client means: an output's name, NAME[BEGIN:END],
// [BEGIN:END] of the first output, or nothing for the whole of it. INVALID_ARGUMENT, listing the
// outputs: there is none.
absl::StatusOr<OutputPart> FindOutputPart(const Model& model, absl::string_view text);

// Every output of `model`, in its order; of one that is joined from several along its last axis,
// what is joined. Of more than 32 parts the first 32.
std::vector<OutputPart> NaturalParts(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_OUTPUT_PART_H_
