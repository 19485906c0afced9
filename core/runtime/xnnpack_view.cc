#include "core/runtime/xnnpack_view.h"

#include <algorithm>
#include <cmath>

namespace octavo {
namespace {

bool HasOneScale(const schema::TensorT& tensor, int64_t lowest, int64_t highest) {
  const schema::QuantizationParametersT* quantization = tensor.quantization.get();
  if (quantization == nullptr || quantization->scale.size() != 1) return false;
  if (quantization->zero_point.size() > 1) return false;
  const float scale = quantization->scale[0];
  if (!std::isnormal(scale) || scale < 0) return false;
  if (quantization->zero_point.empty()) return true;
  return quantization->zero_point[0] >= lowest && quantization->zero_point[0] <= highest;
}

}  // namespace

bool XnnpackView::HasInputs(int least, int most) const {
  const int count = static_cast<int>(op.inputs.size());
  if (count < least || count > most) return false;
  for (int position = 0; position < least; ++position) {
    if (in(position) == kNoTensor) return false;
  }
  return !op.outputs.empty() && out() != kNoTensor;
}

std::optional<std::vector<int64_t>> XnnpackView::Integers(TensorIndex index) const {
  if (index == kNoTensor || !model.IsConstant(index)) return std::nullopt;
  std::vector<int64_t> values;
  if (tensor(index).type == schema::TensorType_INT32) {
    const auto constant = model.ConstantValues<int32_t>(index);
    values.assign(constant.begin(), constant.end());
  } else if (tensor(index).type == schema::TensorType_INT64) {
    const auto constant = model.ConstantValues<int64_t>(index);
    values.assign(constant.begin(), constant.end());
  } else {
    return std::nullopt;
  }
  return values;
}

std::optional<xnn_datatype> XnnpackType(const schema::TensorT& tensor) {
  if (tensor.shape.size() > XNN_MAX_TENSOR_DIMS || tensor.sparsity != nullptr) return std::nullopt;
  for (int32_t dim : tensor.shape) {
    if (dim < 1) return std::nullopt;
  }
  switch (tensor.type) {
    case schema::TensorType_FLOAT32:
      return xnn_datatype_fp32;
    case schema::TensorType_INT8:
      if (HasOneScale(tensor, -128, 127)) return xnn_datatype_qint8;
      return std::nullopt;
    case schema::TensorType_UINT8:
      if (HasOneScale(tensor, 0, 255)) return xnn_datatype_quint8;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

bool IsQuantized(std::optional<xnn_datatype> type) {
  return type == xnn_datatype_qint8 || type == xnn_datatype_quint8;
}

float ScaleOf(const schema::TensorT& tensor) { return tensor.quantization->scale[0]; }

int32_t ZeroPointOf(const schema::TensorT& tensor) {
  const auto& zero_point = tensor.quantization->zero_point;
  return zero_point.empty() ? 0 : static_cast<int32_t>(zero_point[0]);
}

std::optional<xnn_datatype> CommonType(const XnnpackView& op,
                                       std::initializer_list<TensorIndex> tensors) {
  std::optional<xnn_datatype> common;
  for (TensorIndex index : tensors) {
    const std::optional<xnn_datatype> type = XnnpackType(op.tensor(index));
    if (!type || (common && *common != *type)) return std::nullopt;
    common = type;
  }
  return common;
}

bool SameQuantization(const schema::TensorT& a, const schema::TensorT& b) {
  if (!IsQuantized(XnnpackType(a))) return true;
  return ScaleOf(a) == ScaleOf(b) && ZeroPointOf(a) == ZeroPointOf(b);
}

std::vector<size_t> SizesOf(const Shape& shape) {
  return std::vector<size_t>(shape.begin(), shape.end());
}

std::optional<ClampRange> ActivationRange(schema::ActivationFunctionType activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case schema::ActivationFunctionType_NONE:
      return ClampRange{};
    case schema::ActivationFunctionType_RELU:
      return ClampRange{0, kInfinity};
    case schema::ActivationFunctionType_RELU_N1_TO_1:
      return ClampRange{-1, 1};
    case schema::ActivationFunctionType_RELU6:
      return ClampRange{0, 6};
    default:
      return std::nullopt;
  }
}

bool LeavesCodes(const schema::TensorT& tensor, ClampRange range) {
  const std::optional<xnn_datatype> type = XnnpackType(tensor);
  if (!IsQuantized(type)) return true;
  const double lowest = *type == xnn_datatype_qint8 ? -128 : 0;
  const auto code = [&](float value) {
    const double raw = std::nearbyint(value / ScaleOf(tensor)) + ZeroPointOf(tensor);
    return std::clamp(raw, lowest, lowest + 255);
  };
  return code(range.min) < code(range.max);
}

std::optional<ClampRange> FusedRange(const XnnpackView& op,
                                     schema::ActivationFunctionType activation) {
  const std::optional<ClampRange> range = ActivationRange(activation);
  if (!range || !LeavesCodes(op.tensor(op.out()), *range)) return std::nullopt;
  return range;
}

std::optional<Window> PlanWindow(schema::Padding padding, const WindowExtents& extents) {
  for (int64_t extent : {extents.kernel_height, extents.kernel_width, extents.stride_height,
                         extents.stride_width, extents.dilation_height, extents.dilation_width,
                         extents.kernel_height * extents.dilation_height,
                         extents.kernel_width * extents.dilation_width}) {
    if (extent < 1 || extent > kMaxExtent) return std::nullopt;
  }
  if (padding != schema::Padding_SAME && padding != schema::Padding_VALID) return std::nullopt;
  Window window;
  window.kernel_height = static_cast<uint32_t>(extents.kernel_height);
  window.kernel_width = static_cast<uint32_t>(extents.kernel_width);
  window.stride_height = static_cast<uint32_t>(extents.stride_height);
  window.stride_width = static_cast<uint32_t>(extents.stride_width);
  window.dilation_height = static_cast<uint32_t>(extents.dilation_height);
  window.dilation_width = static_cast<uint32_t>(extents.dilation_width);
  window.flags = padding == schema::Padding_SAME ? XNN_FLAG_TENSORFLOW_SAME_PADDING : 0;
  return window;
}

}  // namespace octavo
