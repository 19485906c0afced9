#include "core/runtime/reference/strided_copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/status_macros.h"

namespace octavo::reference {
namespace {

// Drops axes of size 1 and joins neighbours that lie together on both sides.
StridedCopy Joined(const StridedCopy& copy) {
  StridedCopy joined = copy;
  joined.sizes.clear();
  joined.from_strides.clear();
  joined.to_strides.clear();
  for (size_t axis = 0; axis < copy.sizes.size(); ++axis) {
    const int64_t size = copy.sizes[axis];
    if (size == 1) continue;
    if (!joined.sizes.empty() && joined.from_strides.back() == copy.from_strides[axis] * size &&
        joined.to_strides.back() == copy.to_strides[axis] * size) {
      joined.sizes.back() *= size;
      joined.from_strides.back() = copy.from_strides[axis];
      joined.to_strides.back() = copy.to_strides[axis];
      continue;
    }
    joined.sizes.push_back(size);
    joined.from_strides.push_back(copy.from_strides[axis]);
    joined.to_strides.push_back(copy.to_strides[axis]);
  }
  return joined;
}

template <typename T>
void CopyLine(const uint8_t* from, int64_t from_stride, uint8_t* to, int64_t to_stride,
              int64_t count) {
  const T* source = reinterpret_cast<const T*>(from);
  T* target = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) target[i * to_stride] = source[i * from_stride];
}

void CopyLine(int element_bytes, const uint8_t* from, int64_t from_stride, uint8_t* to,
              int64_t to_stride, int64_t count) {
  if (from_stride == 1 && to_stride == 1) {
    std::memcpy(to, from, count * element_bytes);
    return;
  }
  switch (element_bytes) {
    case 1:
      return CopyLine<uint8_t>(from, from_stride, to, to_stride, count);
    case 2:
      return CopyLine<uint16_t>(from, from_stride, to, to_stride, count);
    case 4:
      return CopyLine<uint32_t>(from, from_stride, to, to_stride, count);
    case 8:
      return CopyLine<uint64_t>(from, from_stride, to, to_stride, count);
    default:
      for (int64_t i = 0; i < count; ++i) {
        std::memcpy(to + i * to_stride * element_bytes, from + i * from_stride * element_bytes,
                    element_bytes);
      }
  }
}

bool IsEmpty(const StridedCopy& copy) {
  for (const int64_t size : copy.sizes) {
    if (size == 0) return true;
  }
  return false;
}

}  // namespace

void RunCopy(const StridedCopy& copy, int element_bytes, const uint8_t* from, uint8_t* to) {
  if (IsEmpty(copy)) return;
  from += copy.from * element_bytes;
  to += copy.to * element_bytes;
  if (copy.sizes.empty()) {
    std::memcpy(to, from, element_bytes);
    return;
  }
  const size_t last = copy.sizes.size() - 1;
  std::vector<int64_t> place(last, 0);
  while (true) {
    CopyLine(element_bytes, from, copy.from_strides[last], to, copy.to_strides[last],
             copy.sizes[last]);
    size_t axis = last;
    while (axis-- > 0) {
      from += copy.from_strides[axis] * element_bytes;
      to += copy.to_strides[axis] * element_bytes;
      if (++place[axis] < copy.sizes[axis]) break;
      from -= copy.from_strides[axis] * copy.sizes[axis] * element_bytes;
      to -= copy.to_strides[axis] * copy.sizes[axis] * element_bytes;
      place[axis] = 0;
    }
    if (axis == static_cast<size_t>(-1)) return;
  }
}

std::vector<int64_t> StridesOf(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

absl::StatusOr<int> ElementBytes(const Operands& operands, int position) {
  const int bits = ElementBits(operands.input_type(position));
  RETURN_IF_ERROR(operands.Require(bits % 8 == 0 && bits > 0, "elements of less than a byte"));
  return bits / 8;
}

std::vector<uint8_t> ZeroElement(const Operands& operands, int element_bytes) {
  std::vector<uint8_t> element(element_bytes, 0);
  const auto scale = operands.output_scale(0);
  if (scale.ok()) {
    const int32_t zero_point = scale->zero_point;
    std::memcpy(element.data(), &zero_point, std::min<size_t>(element_bytes, 4));
  }
  return element;
}

std::unique_ptr<Kernel> CopyKernel(std::vector<StridedCopy> copies, int element_bytes) {
  for (StridedCopy& copy : copies) copy = Joined(copy);
  return MakeKernel([copies = std::move(copies), element_bytes](Inputs inputs, Outputs outputs) {
    for (const StridedCopy& copy : copies) {
      RunCopy(copy, element_bytes, In<uint8_t>(inputs, copy.input), outputs[copy.output]);
    }
  });
}

}  // namespace octavo::reference
