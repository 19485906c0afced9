// The int8 form of a float tensor that a model was trained with.
//
// It stands where a quantized tensor has its scale and zero point; float tensors of a file have
// none there once they are folded (graph/passes.h), and none is written.

#ifndef OCTAVO_CORE_TFLITE_LEARNED_PARAMS_H_
#define OCTAVO_CORE_TFLITE_LEARNED_PARAMS_H_

#include <cstdint>
#include <optional>

#include "core/tflite/model.h"

namespace octavo {

// value = scale * (code - zero_point), codes from -128 to 127.
struct LearnedParams {
  float scale = 1;
  int64_t zero_point = 0;

  // Of codes from 0 to 255.
  static LearnedParams OfUnsigned(float scale, int64_t zero_point) {
    return {scale, zero_point - 128};
  }

  float min() const { return scale * static_cast<float>(-128 - zero_point); }
  float max() const { return scale * static_cast<float>(127 - zero_point); }
  bool operator==(const LearnedParams&) const = default;
};

// Nothing where the tensor is not float or was trained with none.
std::optional<LearnedParams> LearnedParamsOf(const schema::TensorT& tensor);
void SetLearnedParams(const LearnedParams& params, schema::TensorT& tensor);

// Takes them from all float tensors.
void ClearLearnedParams(Model& model);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_LEARNED_PARAMS_H_
