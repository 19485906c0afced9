// Recurrent evaluation: a model's outputs become its inputs of the next example.

#ifndef OCTAVO_CORE_EVALUATE_FEEDBACK_H_
#define OCTAVO_CORE_EVALUATE_FEEDBACK_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/evaluate/output_part.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// From an output's values to some of an input's, as the float model takes them.
struct FeedbackPlan {
  OutputPart from;
  int input = 0;                  // the input's place among the model's
  int64_t columns = 0;            // of the input's last axis
  std::vector<int32_t> channels;  // of them, those that are filled, in the output's order
  float scale = 1;
  float offset = 0;
};

struct Recurrence {
  std::vector<FeedbackPlan> feedbacks;
  // The first example of each sequence, ascending from 0.
  std::vector<int64_t> starts;
};

// INVALID_ARGUMENT, naming the output or the input: there is none, the input is not float, a
// channel is none of it, or sizes do not agree.
absl::StatusOr<FeedbackPlan> PlanFeedback(const Model& float_model, const v1::Feedback& feedback);

// Puts what `outputs` says into `example`, which is the float model's.
void Feed(const FeedbackPlan& plan, std::span<const float> outputs, Example& example);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_FEEDBACK_H_
