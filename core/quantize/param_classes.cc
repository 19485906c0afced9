#include "core/quantize/param_classes.h"

#include "absl/log/check.h"
#include "core/calibrate/min_max.h"

namespace octavo {

int ParamClasses::Add(const Range& range) {
  const int member = static_cast<int>(members_.size());
  members_.push_back({.parent = member, .range = range, .fixed = {}, .learned = {}});
  return member;
}

int ParamClasses::AddFixed(const QuantParams& params, const Range& range) {
  const int member = Add(range);
  members_[member].fixed = params;
  return member;
}

int ParamClasses::AddLearned(const std::optional<QuantParams>& params, const Range& range) {
  const int member = Add(range);
  members_[member].is_learned = true;
  members_[member].learned = params;
  return member;
}

bool ParamClasses::HasLearnedRange(int member) { return members_[Root(member)].is_learned; }

void ParamClasses::KeepRange(int member) { members_[Root(member)].is_learned = true; }

void ParamClasses::Join(int a, int b) {
  a = Root(a);
  b = Root(b);
  if (a == b) return;
  Class& root = members_[a];
  const Class& joined = members_[b];
  CHECK(!root.fixed || !joined.fixed || *root.fixed == *joined.fixed);
  if (!root.fixed) root.fixed = joined.fixed;
  if (root.is_learned == joined.is_learned) {
    root.range = Union(root.range, joined.range);
    if (root.learned != joined.learned) root.learned.reset();
  } else if (joined.is_learned) {
    root.range = joined.range;
    root.is_learned = true;
    root.learned = joined.learned;
  }
  members_[b].parent = a;
}

const QuantParams* ParamClasses::Fixed(int member) {
  const Class& root = members_[Root(member)];
  return root.fixed ? &*root.fixed : nullptr;
}

const QuantParams* ParamClasses::Learned(int member) {
  const Class& root = members_[Root(member)];
  return root.learned ? &*root.learned : nullptr;
}

const Range& ParamClasses::RangeOf(int member) { return members_[Root(member)].range; }

int ParamClasses::Root(int member) {
  while (members_[member].parent != member) {
    // Halves the way for those who come after.
    members_[member].parent = members_[members_[member].parent].parent;
    member = members_[member].parent;
  }
  return member;
}

}  // namespace octavo
