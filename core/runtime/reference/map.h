// Functions of one tensor, element by element.

#ifndef OCTAVO_CORE_RUNTIME_REFERENCE_MAP_H_
#define OCTAVO_CORE_RUNTIME_REFERENCE_MAP_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/runtime/reference/operands.h"

namespace octavo::reference {

// One input and one output of one type and shape.
absl::Status RequireMap(const Operands& operands);

template <typename T, typename F>
std::unique_ptr<Kernel> MapKernel(const Operands& operands, F f) {
  return MakeKernel([size = operands.output_size(0), f](Inputs inputs, Outputs outputs) {
    const T* from = In<T>(inputs, 0);
    T* to = Out<T>(outputs, 0);
    for (int64_t i = 0; i < size; ++i) to[i] = f(from[i]);
  });
}

struct MapScales {
  TensorScale input;
  TensorScale output;
};

// Of input 0 and output 0. OP_UNSUPPORTED: there is none, or INT16 with a zero point other than 0.
absl::StatusOr<MapScales> MakeMapScales(const Operands& operands);

}  // namespace octavo::reference

#endif  // OCTAVO_CORE_RUNTIME_REFERENCE_MAP_H_
