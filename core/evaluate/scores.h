// What scores say: ranks, and the share of what is right.

#ifndef OCTAVO_CORE_EVALUATE_SCORES_H_
#define OCTAVO_CORE_EVALUATE_SCORES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "octavo/v1/report.pb.h"

namespace octavo {

// The place of the largest; of equal ones the first. No number is below every number.
int64_t ArgMax(std::span<const float> scores);

// Where the scores of one example put its label.
struct Ranking {
  int64_t label = 0;
  int64_t rank = 0;       // classes that come before the label
  int64_t predicted = 0;  // the class that comes first
};

// Ties go to the lower class; a score that is no number counts as the lowest. `label` is a class:
// in [0, scores.size()).
Ranking RankLabel(std::span<const float> scores, int64_t label);

// Top-1, top-5, confusion matrix and Wilson interval.
v1::Accuracy FoldAccuracy(const std::vector<Ranking>& rankings, int64_t classes);

// A 95 % Wilson interval of a share.
struct ShareInterval {
  double low = 0;
  double high = 1;
};
ShareInterval WilsonInterval(int64_t successes, int64_t trials);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_SCORES_H_
