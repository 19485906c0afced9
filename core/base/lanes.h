// Eight numbers at a time: the compiler splits them into what the processor has, two registers of
// SSE or NEON, or one of AVX.

#ifndef OCTAVO_CORE_BASE_LANES_H_
#define OCTAVO_CORE_BASE_LANES_H_

#include <cstddef>
#include <cstdint>

namespace octavo {

inline constexpr size_t kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
// What a comparison of Lanes gives too: -1 where it holds, else 0.
typedef int32_t IntLanes __attribute__((vector_size(kLanes * sizeof(int32_t))));

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_LANES_H_
