// Ranges to quantize a tensor's values in, chosen by what its histogram says is lost.

#ifndef OCTAVO_CORE_CALIBRATE_RANGE_SEARCH_H_
#define OCTAVO_CORE_CALIBRATE_RANGE_SEARCH_H_

#include "core/calibrate/histogram.h"
#include "core/calibrate/range.h"

namespace octavo {

// All of these take a histogram that is not empty and the range its values were seen in, and give
// a range that lies inside that one and holds 0 if that one does.

// Cuts off the fraction 1 - `kept` of the values, half of it at each end; inside a bin values are
// taken as spread evenly.
Range PercentileRange(const Histogram& histogram, const Range& seen, double kept);

// The range whose quantization to `levels` levels with a zero among them has the least mean-squared
// error: inside it step^2 / 12 (nothing for values that are 0), outside it the squared distance to
// its end. Pairs of edges of bins are tried, on a grid first. Source: Banner et al., "Post training
// 4-bit quantization of convolutional networks", section 3, which does it for known distributions;
// here it is the measured one.
Range MeanSquaredErrorRange(const Histogram& histogram, const Range& seen, int levels);

// The range whose quantization to `levels` levels keeps the most of the distribution: the least
// Kullback-Leibler divergence of the quantized from the clipped distribution, over ranges that are
// cut at the same magnitude on both sides. Source: Migacz, "8-bit inference with TensorRT", GTC
// 2017.
Range EntropyRange(const Histogram& histogram, const Range& seen, int levels);

}  // namespace octavo

#endif  // OCTAVO_CORE_CALIBRATE_RANGE_SEARCH_H_
