#include "core/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "core/runtime/tensor_buffer.h"

namespace octavo {
namespace {

struct Placed {
  size_t begin;
  size_t end;
  int first;
  int last;
};

bool Overlap(const Placed& placed, const Lifetime& life) {
  return placed.first <= life.last && life.first <= placed.last;
}

}  // namespace

MemoryPlan PlanMemory(std::span<const Lifetime> lifetimes) {
  std::vector<size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return lifetimes[a].size_bytes > lifetimes[b].size_bytes;
  });

  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<Placed> placed;  // by begin
  for (size_t value : order) {
    const Lifetime& life = lifetimes[value];
    // Nothing has no bytes, so that no two living values have one address.
    const size_t size = AlignedSize(std::max<size_t>(life.size_bytes, 1));
    size_t begin = 0;
    for (const Placed& other : placed) {
      if (!Overlap(other, life)) continue;
      if (begin + size <= other.begin) break;
      begin = std::max(begin, other.end);
    }
    const Placed here{begin, begin + size, life.first, life.last};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), here,
                         [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
        here);
    plan.offsets[value] = begin;
    plan.size_bytes = std::max(plan.size_bytes, here.end);
  }
  return plan;
}

}  // namespace octavo
