// Functions of two tensors, element by element, shapes broadcast.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_BROADCAST_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_BROADCAST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// How the elements of inputs 0 and 1 meet in output 0; strides in elements, 0 where an input is
// repeated.
struct Broadcast {
  std::vector<int64_t> sizes;
  std::vector<int64_t> left_strides;
  std::vector<int64_t> right_strides;
  int64_t total = 0;
};

// OP_UNSUPPORTED: the shapes do not broadcast to that of output 0.
absl::StatusOr<Broadcast> MakeBroadcast(const Operands& operands);

// output[i] = f(left, right), in the order of the output.
template <typename L, typename R, typename O, typename F>
void ForEachPair(const Broadcast& broadcast, const L* left, const R* right, O* output, const F& f) {
  if (broadcast.total == 0) return;
  const size_t rank = broadcast.sizes.size();
  const int64_t inner = rank == 0 ? 1 : broadcast.sizes[rank - 1];
  const int64_t left_step = rank == 0 ? 0 : broadcast.left_strides[rank - 1];
  const int64_t right_step = rank == 0 ? 0 : broadcast.right_strides[rank - 1];
  std::vector<int64_t> place(rank, 0);
  for (int64_t done = 0; done < broadcast.total; done += inner) {
    for (int64_t i = 0; i < inner; ++i) {
      *output++ = f(left[i * left_step], right[i * right_step]);
    }
    for (size_t axis = rank == 0 ? 0 : rank - 1; axis-- > 0;) {
      left += broadcast.left_strides[axis];
      right += broadcast.right_strides[axis];
      if (++place[axis] < broadcast.sizes[axis]) break;
      left -= broadcast.left_strides[axis] * broadcast.sizes[axis];
      right -= broadcast.right_strides[axis] * broadcast.sizes[axis];
      place[axis] = 0;
    }
  }
}

// Inputs 0 and 1 and output 0 are all there is, and of one type.
absl::Status RequirePair(const Operands& operands);

template <typename T, typename F>
std::unique_ptr<Kernel> PairKernel(const Broadcast& broadcast, F f) {
  return MakeKernel([broadcast, f](Inputs inputs, Outputs outputs) {
    ForEachPair(broadcast, In<T>(inputs, 0), In<T>(inputs, 1), Out<T>(outputs, 0), f);
  });
}

// The strides of `shape` as it is repeated in output 0: 0 where it is. OP_UNSUPPORTED: it does not
// broadcast to that.
absl::StatusOr<std::vector<int64_t>> BroadcastStrides(const Operands& operands, const Shape& shape);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_BROADCAST_H_
