// Tensors that must share a scale and zero point, as classes that grow by joining.

#ifndef OCTAVO_CORE_QUANTIZE_PARAM_CLASSES_H_
#define OCTAVO_CORE_QUANTIZE_PARAM_CLASSES_H_

#include <optional>
#include <vector>

#include "core/calibrate/range.h"
#include "core/quantize/quant_params.h"

namespace octavo {

// A class has a range that holds its members' ranges, or fixed parameters that count instead.
// Learned ranges count against others: they are what the model does.
class ParamClasses {
 public:
  // A new class of one member, which it names.
  int Add(const Range& range);
  int AddFixed(const QuantParams& params, const Range& range);
  // `params`: what the range was learned in, where they are of the form that is settled.
  int AddLearned(const std::optional<QuantParams>& params, const Range& range);

  bool HasLearnedRange(int member);
  // Counts the range of a class as a learned one.
  void KeepRange(int member);

  // Joins the classes of two members. Not both may be fixed, unless to the same; a fixed one's
  // parameters count for all.
  void Join(int a, int b);

  // Null where the class is free.
  const QuantParams* Fixed(int member);
  // Null where nothing was learned, or members learned different things.
  const QuantParams* Learned(int member);
  // What the members did, all together.
  const Range& RangeOf(int member);

 private:
  struct Class {
    int parent;
    Range range;
    std::optional<QuantParams> fixed;
    bool is_learned = false;  // its range
    std::optional<QuantParams> learned;
  };
  int Root(int member);

  std::vector<Class> members_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_PARAM_CLASSES_H_
