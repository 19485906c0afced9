#include "core/runtime/tensor_buffer.h"

#include <xnnpack.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

// More than any model that a worker's memory limit lets run; keeps sizes far from overflow.
constexpr size_t kMaxBytes = size_t{1} << 36;

}  // namespace

absl::StatusOr<TensorBuffer> TensorBuffer::Allocate(size_t size_bytes) {
  TensorBuffer buffer;
  if (size_bytes <= kMaxBytes) {
    const size_t allocated = AlignedSize(size_bytes + XNN_EXTRA_BYTES);
    buffer.data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kTensorAlignment, allocated)));
    if (buffer.data_ != nullptr) std::memset(buffer.data_.get(), 0, allocated);
  }
  if (buffer.data_ == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for ", size_bytes, " bytes of tensors"));
  }
  buffer.size_bytes_ = size_bytes;
  return buffer;
}

absl::StatusOr<TensorBuffer> TensorBuffer::Copy(std::span<const uint8_t> bytes) {
  absl::StatusOr<TensorBuffer> buffer = Allocate(bytes.size());
  if (buffer.ok() && !bytes.empty()) std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return buffer;
}

}  // namespace octavo
