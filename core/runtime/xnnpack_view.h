// An operator as XNNPACK sees it: its tensors' types and scales, its fused activation.

#ifndef OCTAVO_CORE_RUNTIME_XNNPACK_VIEW_H_
#define OCTAVO_CORE_RUNTIME_XNNPACK_VIEW_H_

#include <xnnpack.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

// Looked at, never kept longer than the model.
struct XnnpackView {
  const Model& model;
  const schema::OperatorT& op;

  TensorIndex in(int position) const { return InputOf(op, position); }
  TensorIndex out(int position = 0) const { return OutputOf(op, position); }
  const schema::TensorT& tensor(TensorIndex index) const { return model.tensor(index); }
  const Shape& shape(TensorIndex index) const { return model.tensor(index).shape; }
  // From `least` to `most` inputs of which the first `least` are there, and an output.
  bool HasInputs(int least, int most) const;
  // The options, or the format's defaults where they are left out.
  template <typename Options>
  Options options(const Options* given) const {
    return given != nullptr ? *given : Options();
  }
  // A constant list of int32 or int64; nothing where it is none.
  std::optional<std::vector<int64_t>> Integers(TensorIndex index) const;
};

// XNNPACK's type of a tensor that is an activation or a constant operand: FLOAT32, or INT8 and
// UINT8 with one scale. Nothing: a type, a rank, a size or a scale that XNNPACK refuses or asserts
// against.
std::optional<xnn_datatype> XnnpackType(const schema::TensorT& tensor);

bool IsQuantized(std::optional<xnn_datatype> type);

// Of a tensor with a quantized XnnpackType.
float ScaleOf(const schema::TensorT& tensor);
int32_t ZeroPointOf(const schema::TensorT& tensor);

// The XnnpackType of all these tensors; their scales may differ.
std::optional<xnn_datatype> CommonType(const XnnpackView& op,
                                       std::initializer_list<TensorIndex> tensors);
bool SameQuantization(const schema::TensorT& a, const schema::TensorT& b);

std::vector<size_t> SizesOf(const Shape& shape);

// What an activation clamps to.
struct ClampRange {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
};

// Nothing for activations that do not clamp.
std::optional<ClampRange> ActivationRange(schema::ActivationFunctionType activation);
// False: no two codes of `tensor` are in `range`, against which XNNPACK asserts.
bool LeavesCodes(const schema::TensorT& tensor, ClampRange range);
// The range of an operator's fused activation, where XNNPACK can clamp its output to it.
std::optional<ClampRange> FusedRange(const XnnpackView& op,
                                     schema::ActivationFunctionType activation);

// Strides, dilations and kernels beyond this are no model's; XNNPACK's arithmetic on them is not
// checked.
inline constexpr int64_t kMaxExtent = 1 << 20;

// Requantization ratios: XNNPACK asserts these bounds, or refuses beyond them.
inline constexpr float kMinRequantization = 0x1.0p-31f;
inline constexpr float kMaxRequantization = 256.0f;

// What slides over an image.
struct Window {
  uint32_t kernel_height = 1;
  uint32_t kernel_width = 1;
  uint32_t stride_height = 1;
  uint32_t stride_width = 1;
  uint32_t dilation_height = 1;
  uint32_t dilation_width = 1;
  uint32_t flags = 0;  // XNN_FLAG_TENSORFLOW_SAME_PADDING
};

// Extents as the options and shapes have them; nothing where XNNPACK may not take them.
struct WindowExtents {
  int64_t kernel_height = 1;
  int64_t kernel_width = 1;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t dilation_height = 1;
  int64_t dilation_width = 1;
};
std::optional<Window> PlanWindow(schema::Padding padding, const WindowExtents& extents);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_XNNPACK_VIEW_H_
