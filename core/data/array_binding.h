// Which arrays of a data set are which input of a model, settled by names and shapes alone.

#ifndef OCTAVO_CORE_DATA_ARRAY_BINDING_H_
#define OCTAVO_CORE_DATA_ARRAY_BINDING_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/preprocess.h"
#include "core/tflite/tensor_value.h"
#include "octavo/v1/report.pb.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// What a model takes at one of its inputs.
struct InputSpec {
  std::string name;
  schema::TensorType type = schema::TensorType_FLOAT32;
  Shape shape;  // with a batch axis of 1
};

struct BoundInput {
  InputSpec input;
  std::vector<std::string> arrays;
  PreprocessPlan plan;
  // Images whose size is not the input's, though no resize was asked for.
  bool is_resized_to_fit = false;
};

struct Binding {
  std::vector<BoundInput> inputs;  // in the model's order
  std::string labels;              // empty: none
  std::vector<std::string> targets;
  std::string sequences;  // empty: none
  int64_t examples = 0;
  int64_t all_examples = 0;  // before `max_examples`
};

// Null where there is none.
const v1::ArrayInfo* FindArray(const v1::DatasetInfo& info, absl::string_view name);

// Of one example of the array. -1: not the same for all of them.
Dims ExampleDims(const v1::ArrayInfo& array);

// Settles which arrays are which inputs (spec.proto, DatasetUse) by shapes and names alone.
//
// INVALID_ARGUMENT (TENSOR_MISMATCH): naming the input and both shapes, or where it is ambiguous
// listing all arrays and inputs with their shapes.
absl::StatusOr<Binding> SettleBinding(const v1::DatasetInfo& info,
                                      std::span<const InputSpec> inputs, const v1::DatasetUse& use,
                                      std::span<const v1::Preprocess* const> preprocess);

// What a report says of it.
v1::DatasetUsed UsedBy(const Binding& binding);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ARRAY_BINDING_H_
