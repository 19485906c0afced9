// How near a variant's outputs are to the float model's.

#ifndef OCTAVO_CORE_EVALUATE_FIDELITY_H_
#define OCTAVO_CORE_EVALUATE_FIDELITY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "octavo/v1/report.pb.h"

namespace octavo {

// How far the outputs y of one example are from the float model's x.
struct Difference {
  double signal = 0;  // sum of x x
  double noise = 0;   // sum of (x - y) (x - y)
  double cosine = 0;
  double max_error = 0;
  bool same_argmax = false;
};

// Of outputs of equal sizes; argmax is that of the first output, of `first_size` elements.
Difference Compare(std::span<const float> reference, std::span<const float> outputs,
                   int64_t first_size);

// 10 log10(signal / noise): infinite without noise, minus infinity where one is not finite.
double SqnrDb(double signal, double noise);

// In the order of the examples, on which the last bits of a sum depend. Outputs that are not finite
// where the float model's are make the ratio minus infinity.
v1::Fidelity FoldFidelity(const std::vector<Difference>& differences);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_FIDELITY_H_
