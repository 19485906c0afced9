#include "core/tflite/tensor_validator.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"

namespace octavo {
namespace {

// Names of fused layers are long, but not longer than this.
constexpr size_t kMaxTextBytes = 1 << 16;
constexpr size_t kMaxRank = 32;

absl::Status CheckShape(const schema::TensorT& tensor) {
  if (tensor.shape.size() > kMaxRank || !NumElements(tensor.shape)) {
    return absl::InvalidArgumentError(absl::StrCat("the shape is ", ShapeText(tensor.shape)));
  }
  const std::vector<int32_t>& signature = tensor.shape_signature;
  const bool is_sane = signature.empty() || signature.size() == tensor.shape.size();
  if (!is_sane || std::ranges::any_of(signature, [](int32_t d) { return d < -1; })) {
    return absl::InvalidArgumentError(absl::StrCat("the shape is ", ShapeText(tensor.shape),
                                                   ", its signature ", ShapeText(signature)));
  }
  return absl::OkStatus();
}

absl::Status CheckConstant(const Model& model, const schema::TensorT& tensor) {
  const size_t size_bytes = model.buffers[tensor.buffer].get().size();
  // Sparse tensors hold less than their shape; strings have no fixed size.
  if (size_bytes == 0 || tensor.sparsity != nullptr || ElementBits(tensor.type) == 0) {
    return absl::OkStatus();
  }
  const std::optional<int64_t> expected = TensorBytes(tensor.type, tensor.shape);
  if (expected == static_cast<int64_t>(size_bytes)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a constant of ", size_bytes, " bytes for ",
                                                 TypeName(tensor.type), ShapeText(tensor.shape)));
}

struct ZeroPointRange {
  int64_t lowest;
  int64_t highest;
};

ZeroPointRange ZeroPoints(schema::TensorType type) {
  switch (type) {
    case schema::TensorType_INT2:
      return {-2, 1};
    case schema::TensorType_INT4:
      return {-8, 7};
    case schema::TensorType_UINT4:
      return {0, 15};
    case schema::TensorType_INT8:
      return {-128, 127};
    case schema::TensorType_UINT8:
      return {0, 255};
    case schema::TensorType_INT16:
      return {-32768, 32767};
    case schema::TensorType_UINT16:
      return {0, 65535};
    default:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

// Scales of 0 are let through: converters write them for channels that are all zero.
absl::Status CheckScales(const schema::TensorT& tensor) {
  const schema::QuantizationParametersT& params = *tensor.quantization;
  const size_t num_scales = params.scale.size();
  if (params.quantized_dimension < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the quantized dimension is ", params.quantized_dimension));
  }
  if (num_scales > 1) {
    const auto axis = static_cast<size_t>(params.quantized_dimension);
    if (axis >= tensor.shape.size() || num_scales != static_cast<size_t>(tensor.shape[axis])) {
      return absl::InvalidArgumentError(
          absl::StrCat(num_scales, " scales along axis ", axis, " of ", ShapeText(tensor.shape)));
    }
  }
  for (const float scale : params.scale) {
    if (!std::isfinite(scale) || scale < 0) {
      return absl::InvalidArgumentError(absl::StrCat("a scale is ", scale));
    }
  }
  const size_t num_zero_points = params.zero_point.size();
  if (num_zero_points > 1 && num_zero_points != num_scales) {
    return absl::InvalidArgumentError(
        absl::StrCat(num_scales, " scales, ", num_zero_points, " zero points"));
  }
  const ZeroPointRange range = ZeroPoints(tensor.type);
  for (const int64_t zero_point : params.zero_point) {
    if (zero_point < range.lowest || zero_point > range.highest) {
      return absl::InvalidArgumentError(
          absl::StrCat("a zero point of ", TypeName(tensor.type), " is ", zero_point));
    }
  }
  return absl::OkStatus();
}

template <typename Details>
absl::Status CheckDetails(const Details* details, int64_t num_tensors) {
  if (details == nullptr) return absl::OkStatus();
  if (details->scales < 0 || details->scales >= num_tensors) {
    return absl::InvalidArgumentError(absl::StrCat("its scales are tensor ", details->scales));
  }
  if (details->zero_points < -1 || details->zero_points >= num_tensors) {
    return absl::InvalidArgumentError(
        absl::StrCat("its zero points are tensor ", details->zero_points));
  }
  if (details->block_size < 0) {
    return absl::InvalidArgumentError(absl::StrCat("its block size is ", details->block_size));
  }
  return absl::OkStatus();
}

absl::Status CheckQuantization(const schema::TensorT& tensor, int64_t num_tensors) {
  if (tensor.quantization == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CheckScales(tensor));
  const auto& details = tensor.quantization->details;
  RETURN_IF_ERROR(CheckDetails(details.AsBlockwiseQuantization(), num_tensors));
  return CheckDetails(details.AsMultiAxisQuantization(), num_tensors);
}

}  // namespace

absl::Status ValidateTensor(const Model& model, const schema::TensorT& tensor,
                            int64_t num_tensors) {
  if (tensor.type < schema::TensorType_MIN || tensor.type > schema::TensorType_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("the element type is ", static_cast<int>(tensor.type)));
  }
  RETURN_IF_ERROR(CheckShape(tensor));
  RETURN_IF_ERROR(CheckConstant(model, tensor));
  return CheckQuantization(tensor, num_tensors);
}

bool IsText(absl::string_view text) { return text.size() <= kMaxTextBytes && IsUtf8(text); }

}  // namespace octavo
