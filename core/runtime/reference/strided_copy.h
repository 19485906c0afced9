// Copies of blocks of elements from one layout to another: what every operator that only moves
// values is made of.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_STRIDED_COPY_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_STRIDED_COPY_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// Elements from + i0 * from_strides[0] + ... of input `input` go to the same of output `output`,
// for all i below `sizes`. Strides and offsets are in elements; they may be 0 or negative.
struct StridedCopy {
  int input = 0;
  int output = 0;
  std::vector<int64_t> sizes = {};
  int64_t from = 0;
  std::vector<int64_t> from_strides = {};
  int64_t to = 0;
  std::vector<int64_t> to_strides = {};
};

// Row-major strides.
std::vector<int64_t> StridesOf(const Shape& shape);

// Bytes of an element of input `position`, if whole bytes. OP_UNSUPPORTED: elements of 4 or 2 bits.
absl::StatusOr<int> ElementBytes(const Operands& operands, int position);

// The code of 0 of output 0, where it is quantized; else zeros.
std::vector<uint8_t> ZeroElement(const Operands& operands, int element_bytes);

// A kernel that does the copies in order. Whoever makes them vouches for their bounds.
std::unique_ptr<Kernel> CopyKernel(std::vector<StridedCopy> copies, int element_bytes);

// One copy.
void RunCopy(const StridedCopy& copy, int element_bytes, const uint8_t* from, uint8_t* to);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_STRIDED_COPY_H_
