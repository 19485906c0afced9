// Where in one buffer each value lies: values that are not alive at the same time share bytes.

#ifndef OCTAVO_CORE_RUNTIME_MEMORY_PLAN_H_
#define OCTAVO_CORE_RUNTIME_MEMORY_PLAN_H_

#include <cstddef>
#include <span>
#include <vector>

namespace octavo {

// A value is alive from step `first` to step `last`, both included.
struct Lifetime {
  int first = 0;
  int last = 0;
  size_t size_bytes = 0;
};

struct MemoryPlan {
  std::vector<size_t> offsets;  // parallel to the lifetimes; multiples of kTensorAlignment
  size_t size_bytes = 0;
};

// The largest values are placed first, each at the lowest place that is free during its life.
MemoryPlan PlanMemory(std::span<const Lifetime> lifetimes);

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_MEMORY_PLAN_H_
