// Memory for tensors, as XNNPACK wants it: aligned, and readable a little past its end.

#ifndef OCTAVO_CORE_RUNTIME_TENSOR_BUFFER_H_
#define OCTAVO_CORE_RUNTIME_TENSOR_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "absl/status/statusor.h"

namespace octavo {

inline constexpr size_t kTensorAlignment = 64;

// The smallest multiple of `kTensorAlignment` that holds `size_bytes`.
inline constexpr size_t AlignedSize(size_t size_bytes) {
  return (size_bytes + kTensorAlignment - 1) / kTensorAlignment * kTensorAlignment;
}

// Owned, aligned to `kTensorAlignment`, zeroed, with at least 16 readable bytes behind it.
class TensorBuffer {
 public:
  TensorBuffer() = default;

  // RESOURCE_EXHAUSTED: there is not that much memory.
  static absl::StatusOr<TensorBuffer> Allocate(size_t size_bytes);
  static absl::StatusOr<TensorBuffer> Copy(std::span<const uint8_t> bytes);

  uint8_t* data() const { return data_.get(); }
  size_t size_bytes() const { return size_bytes_; }

 private:
  struct Free {
    void operator()(uint8_t* data) const { std::free(data); }
  };
  std::unique_ptr<uint8_t[], Free> data_;
  size_t size_bytes_ = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_TENSOR_BUFFER_H_
