#include "core/report/report_builder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/report/number_text.h"

namespace octavo {
namespace {

using v1::GoalResult;
using v1::Goals;
using v1::Report;
using v1::VariantReport;

// Figures are quotients of doubles: a goal that is met exactly must not be missed by the last bit.
constexpr double kSlack = 1e-9;
// Fewer examples than this leave a top-1 of 90 % uncertain by more than six points either way.
constexpr int64_t kFewExamples = 100;

bool Succeeded(const VariantReport& variant) {
  return variant.state() == VariantReport::STATE_SUCCEEDED;
}

const VariantReport* FindFloat32(const Report& report) {
  for (const VariantReport& variant : report.variants()) {
    if (variant.spec().scheme() == v1::SCHEME_FLOAT32 && Succeeded(variant)) return &variant;
  }
  return nullptr;
}

// What a metric loses is told in: a share of 1.
std::optional<double> ScoreOf(const v1::MetricReport& metric) {
  if (metric.has_accuracy()) return metric.accuracy().top1();
  if (metric.has_segmentation()) return metric.segmentation().mean_iou();
  if (metric.has_regression() && metric.regression().has_r2()) return metric.regression().r2();
  return std::nullopt;
}

using Metrics = google::protobuf::RepeatedPtrField<v1::MetricReport>;

// Of the same output and targets; null where there is none.
const v1::MetricReport* FindMetric(const Metrics& metrics, const v1::MetricReport& like) {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const auto& metric) {
    return metric.output() == like.output() && metric.targets() == like.targets();
  });
  return found == metrics.end() ? nullptr : &*found;
}

std::optional<double> DropOf(const Metrics& of_float32, const v1::MetricReport& metric) {
  const v1::MetricReport* reference = FindMetric(of_float32, metric);
  const std::optional<double> score = ScoreOf(metric);
  const std::optional<double> wanted = reference == nullptr ? std::nullopt : ScoreOf(*reference);
  if (!score || !wanted) return std::nullopt;
  return 100 * (*wanted - *score);
}

// Of one run, plain or recurrent: VariantReport or RecurrenceReport.
template <typename Run>
std::optional<double> LargestDrop(const Run& float32, const Run& run) {
  std::optional<double> largest;
  if (run.has_accuracy() && float32.has_accuracy()) {
    largest = 100 * (float32.accuracy().top1() - run.accuracy().top1());
  }
  for (const v1::MetricReport& metric : run.metrics()) {
    const std::optional<double> drop = DropOf(float32.metrics(), metric);
    if (drop && (!largest || *drop > *largest)) largest = drop;
  }
  return largest;
}

// Writes how much each metric loses.
template <typename Run>
void SetDrops(const Run& float32, Run& run) {
  if (run.has_accuracy() && float32.has_accuracy()) {
    run.mutable_accuracy()->set_drop_points(100 *
                                            (float32.accuracy().top1() - run.accuracy().top1()));
  }
  for (v1::MetricReport& metric : *run.mutable_metrics()) {
    metric.set_drop_points(DropOf(float32.metrics(), metric).value_or(0));
  }
}

// What a goal is held against; nothing where it was not measured.
std::optional<double> DropPoints(const VariantReport& float32, const VariantReport& variant) {
  const std::optional<double> drop = LargestDrop(float32, variant);
  const std::optional<double> recurrent = LargestDrop(float32.recurrence(), variant.recurrence());
  if (drop && recurrent) return std::max(*drop, *recurrent);
  if (drop || recurrent) return drop ? drop : recurrent;
  if (variant.has_fidelity() && variant.fidelity().examples() > 0) {
    return 100 * (1 - variant.fidelity().argmax_agreement());
  }
  return std::nullopt;
}

std::optional<double> SizeRatio(const VariantReport& float32, const VariantReport& variant) {
  if (float32.artifact().size_bytes() <= 0 || variant.artifact().size_bytes() <= 0)
    return std::nullopt;
  return static_cast<double>(variant.artifact().size_bytes()) /
         static_cast<double>(float32.artifact().size_bytes());
}

std::optional<double> LatencyRatio(const VariantReport&, const VariantReport& variant) {
  if (!variant.has_latency() || variant.latency().ratio() <= 0) return std::nullopt;
  return variant.latency().ratio();
}

struct GoalKind {
  const char* name;
  const char* unit;
  const char* unmeasured;
  bool (Goals::*is_set)() const;
  double (Goals::*limit)() const;
  std::optional<double> (*measure)(const VariantReport& float32, const VariantReport& variant);
};

constexpr GoalKind kGoalKinds[] = {
    {"drop", "", "neither accuracy nor agreement was measured", &Goals::has_max_drop_points,
     &Goals::max_drop_points, &DropPoints},
    {"size", "x", "there is no float32 variant to compare with", &Goals::has_max_size_ratio,
     &Goals::max_size_ratio, &SizeRatio},
    {"latency", "x", "no latency was measured", &Goals::has_max_latency_ratio,
     &Goals::max_latency_ratio, &LatencyRatio},
};

bool HasGoals(const Goals& goals) {
  return std::any_of(std::begin(kGoalKinds), std::end(kGoalKinds),
                     [&](const GoalKind& kind) { return (goals.*kind.is_set)(); });
}

GoalResult HeldAgainst(const GoalKind& kind, double limit, std::optional<double> value) {
  GoalResult result;
  result.set_goal(absl::StrCat(kind.name, "<=", limit, kind.unit));
  if (!value) {
    result.set_note(kind.unmeasured);
    return result;
  }
  result.set_value(*value);
  result.set_met(*value <= limit + kSlack);
  return result;
}

std::string Points(double points, const char* what) {
  const double size = std::abs(points);
  if (size < 0.005) return absl::StrCat("no loss of ", what);
  return absl::StrFormat("%.2f points of %s %s", size, what, points > 0 ? "lost" : "gained");
}

const char* NameOf(const v1::MetricReport& metric) {
  return metric.has_segmentation() ? "mIoU" : metric.has_regression() ? "R²" : "top-1";
}

// "0.06 points of mIoU lost", a figure for each metric; empty where there is none.
std::vector<std::string> Losses(const VariantReport& variant) {
  std::vector<std::string> losses;
  if (variant.has_accuracy()) {
    losses.push_back(Points(variant.accuracy().drop_points(), "top-1"));
  }
  for (const v1::MetricReport& metric : variant.metrics()) {
    if (ScoreOf(metric)) losses.push_back(Points(metric.drop_points(), NameOf(metric)));
  }
  for (const v1::MetricReport& metric : variant.recurrence().metrics()) {
    if (!ScoreOf(metric)) continue;
    losses.push_back(absl::StrCat(Points(metric.drop_points(), NameOf(metric)), " when fed back"));
  }
  return losses;
}

// "25,376 bytes (0.30x), 0.06 points of top-1 lost, 0.95x the latency".
std::string Figures(const VariantReport& variant) {
  std::vector<std::string> figures;
  figures.push_back(absl::StrCat(GroupedText(variant.artifact().size_bytes()), " bytes"));
  if (variant.size_ratio() > 0)
    absl::StrAppendFormat(&figures[0], " (%.2fx)", variant.size_ratio());
  const std::vector<std::string> losses = Losses(variant);
  figures.insert(figures.end(), losses.begin(), losses.end());
  if (losses.empty() && variant.has_fidelity()) {
    figures.push_back(absl::StrFormat("%.1f %% agreement with float32",
                                      100 * variant.fidelity().argmax_agreement()));
  }
  if (variant.latency().ratio() > 0)
    figures.push_back(absl::StrFormat("%.2fx the latency", variant.latency().ratio()));
  return absl::StrJoin(figures, ", ");
}

double P50OrInfinity(const VariantReport& variant) {
  return variant.has_latency() ? variant.latency().p50_ms()
                               : std::numeric_limits<double>::infinity();
}

// The smallest; of equal ones the fastest; of those the first.
const VariantReport* Smallest(const std::vector<const VariantReport*>& variants) {
  const auto smallest = std::min_element(
      variants.begin(), variants.end(), [](const VariantReport* a, const VariantReport* b) {
        if (a->artifact().size_bytes() != b->artifact().size_bytes()) {
          return a->artifact().size_bytes() < b->artifact().size_bytes();
        }
        return P50OrInfinity(*a) < P50OrInfinity(*b);
      });
  return smallest == variants.end() ? nullptr : *smallest;
}

bool IsWithinInterval(const v1::MetricReport& float32, const v1::MetricReport& metric) {
  if (metric.has_accuracy()) {
    return metric.accuracy().top1() >= float32.accuracy().top1_low() - kSlack;
  }
  if (metric.has_segmentation()) {
    return metric.segmentation().mean_iou() >= float32.segmentation().mean_iou_low() - kSlack;
  }
  // Real numbers have no interval here: an error of a tenth more is taken for as good.
  return metric.regression().root_mean_square_error() <=
         1.1 * float32.regression().root_mean_square_error() + kSlack;
}

// Whether there is anything to hold against `float32`, and all of it holds.
template <typename Run>
std::optional<bool> IsWithinIntervals(const Run& float32, const Run& run) {
  std::optional<bool> all;
  if (float32.has_accuracy() && run.has_accuracy()) {
    all = run.accuracy().top1() >= float32.accuracy().top1_low() - kSlack;
  }
  for (const v1::MetricReport& metric : run.metrics()) {
    const v1::MetricReport* reference = FindMetric(float32.metrics(), metric);
    if (reference == nullptr) continue;
    all = all.value_or(true) && IsWithinInterval(*reference, metric);
  }
  return all;
}

// Without goals: whether a variant is as good as float32 for all that these examples can tell.
bool IsWithinInterval(const VariantReport& float32, const VariantReport& variant) {
  const std::optional<bool> plain = IsWithinIntervals(float32, variant);
  const std::optional<bool> recurrent =
      IsWithinIntervals(float32.recurrence(), variant.recurrence());
  if (plain || recurrent) return plain.value_or(true) && recurrent.value_or(true);
  if (!variant.has_fidelity() || variant.fidelity().examples() == 0) return false;
  // float32 agrees with itself on all n: the lower end of Wilson's interval is then n / (n + z^2).
  const auto examples = static_cast<double>(variant.fidelity().examples());
  return variant.fidelity().argmax_agreement() >= examples / (examples + 1.96 * 1.96) - kSlack;
}

std::vector<const VariantReport*> Candidates(
    const Report& report, const std::function<bool(const VariantReport&)>& is_good) {
  std::vector<const VariantReport*> candidates;
  for (const VariantReport& variant : report.variants()) {
    if (Succeeded(variant) && is_good(variant)) candidates.push_back(&variant);
  }
  return candidates;
}

// float32 is what the others are compared with: it loses nothing against itself, and that a goal
// holds of it says nothing.
bool IsHeldAgainstGoals(const VariantReport& variant) {
  return variant.spec().scheme() != v1::SCHEME_FLOAT32;
}

void Recommend(const VariantReport& variant, std::string reason, Report& report) {
  report.set_recommended_variant(variant.spec().name());
  report.set_recommendation_reason(std::move(reason));
}

// How far a variant is from what was asked for: first the number of goals that it misses, then by
// how much of their limits together.
struct Distance {
  int missed = 0;
  double excess = 0;

  bool operator<(const Distance& other) const {
    return missed != other.missed ? missed < other.missed : excess < other.excess;
  }
};

Distance DistanceOf(const VariantReport& float32, const Goals& goals,
                    const VariantReport& variant) {
  Distance distance;
  for (const GoalKind& kind : kGoalKinds) {
    if (!(goals.*kind.is_set)()) continue;
    const double limit = (goals.*kind.limit)();
    // What was not measured is as far away as can be.
    const double value =
        kind.measure(float32, variant).value_or(std::numeric_limits<double>::infinity());
    if (value <= limit + kSlack) continue;
    ++distance.missed;
    distance.excess += (value - limit) / std::max(std::abs(limit), 0.01);
  }
  return distance;
}

std::string WhatIsMissed(const VariantReport& float32, const Report& report) {
  const auto variants = Candidates(report, IsHeldAgainstGoals);
  const auto nearest = std::min_element(variants.begin(), variants.end(),
                                        [&](const VariantReport* a, const VariantReport* b) {
                                          return DistanceOf(float32, report.spec().goals(), *a) <
                                                 DistanceOf(float32, report.spec().goals(), *b);
                                        });
  if (nearest == variants.end()) return "No variant was made that goals could hold of.";
  std::vector<std::string> misses;
  for (const GoalResult& goal : (*nearest)->goals()) {
    if (goal.met()) continue;
    misses.push_back(goal.note().empty()
                         ? absl::StrFormat("%s (it has %.4g)", goal.goal(), goal.value())
                         : absl::StrCat(goal.goal(), " (", goal.note(), ")"));
  }
  return absl::StrCat("No variant meets every goal; ", (*nearest)->spec().name(),
                      " comes nearest and misses ", absl::StrJoin(misses, " and "), ".");
}

void RecommendByGoals(const VariantReport& float32, Report& report) {
  const auto meeting =
      Candidates(report, [](const VariantReport& variant) { return variant.meets_goals(); });
  const VariantReport* best = Smallest(meeting);
  if (best == nullptr) {
    report.set_recommendation_reason(WhatIsMissed(float32, report));
    return;
  }
  const std::string standing = meeting.size() == 1
                                   ? " is the only variant that meets every goal: "
                                   : absl::StrCat(" is the smallest of ", meeting.size(),
                                                  " variants that meet every goal: ");
  Recommend(*best, absl::StrCat(best->spec().name(), standing, Figures(*best), "."), report);
}

// What the interval is of, in a word.
const char* MeasureOf(const VariantReport& float32) {
  const int measures = (float32.has_accuracy() ? 1 : 0) + float32.metrics_size();
  if (measures == 0) return "agreement";
  if (measures > 1) return "every metric";
  return float32.has_accuracy() ? "top-1" : NameOf(float32.metrics(0));
}

void RecommendByInterval(const VariantReport* float32, Report& report) {
  if (float32 == nullptr || (!float32->has_accuracy() && !float32->has_fidelity())) {
    report.set_recommendation_reason("Nothing was evaluated, so nothing is recommended.");
    return;
  }
  const VariantReport* best = Smallest(Candidates(
      report, [&](const VariantReport& variant) { return IsWithinInterval(*float32, variant); }));
  if (best == nullptr) {
    report.set_recommendation_reason(
        "No variant is as good as float32 for what these examples can tell.");
    return;
  }
  const char* measure = MeasureOf(*float32);
  Recommend(*best,
            absl::StrCat(best->spec().name(), " is the smallest variant whose ", measure,
                         " lies within the 95 % interval of float32's: ", Figures(*best), "."),
            report);
}

v1::Verdict VerdictOf(const Report& report) {
  const auto is_meeting = [](const VariantReport& variant) {
    return Succeeded(variant) && variant.meets_goals();
  };
  const auto failed = [](const VariantReport& variant) {
    return variant.state() == VariantReport::STATE_FAILED;
  };
  if (std::any_of(report.variants().begin(), report.variants().end(), failed))
    return v1::VERDICT_PARTIAL;
  const bool any = std::any_of(report.variants().begin(), report.variants().end(), is_meeting);
  return any || !HasGoals(report.spec().goals()) ? v1::VERDICT_PASS : v1::VERDICT_GOALS_MISSED;
}

// The names of variants for which `holds`.
std::vector<std::string> NamesWhere(const Report& report,
                                    const std::function<bool(const VariantReport&)>& holds) {
  std::vector<std::string> names;
  for (const VariantReport* variant : Candidates(report, holds))
    names.push_back(variant->spec().name());
  return names;
}

struct Finding {
  const char* reason;
  std::function<std::string(const Report&)> message;  // empty: all is well
};

std::string IdenticalVariants(const Report& report) {
  std::map<std::string, std::vector<std::string>> names_of;
  for (const VariantReport* variant :
       Candidates(report, [](const VariantReport&) { return true; })) {
    if (!variant->artifact().digest().empty())
      names_of[variant->artifact().digest()].push_back(variant->spec().name());
  }
  std::vector<std::string> groups;
  for (const auto& [digest, names] : names_of) {
    if (names.size() > 1) groups.push_back(absl::StrJoin(names, " and "));
  }
  return groups.empty()
             ? ""
             : absl::StrCat("These variants are the same file: ", absl::StrJoin(groups, "; "), ".");
}

std::string DisturbedLatencies(const Report& report) {
  const auto names = NamesWhere(
      report, [](const VariantReport& variant) { return variant.latency().disturbed(); });
  return names.empty()
             ? ""
             : absl::StrCat(
                   "Something else ran while latency was measured (wall and CPU time part by more "
                   "than 5 %): ",
                   absl::StrJoin(names, ", "), ". Trust the ratios more than the times.");
}

std::string SharedLatencies(const Report& report) {
  const auto names =
      NamesWhere(report, [](const VariantReport& variant) { return variant.latency().shared(); });
  return names.empty() ? ""
                       : absl::StrCat("Other engines may have run while latency was measured: ",
                                      absl::StrJoin(names, ", "), ".");
}

// One output that is far worse than all of them together, which hide it.
std::string WeakOutputs(const Report& report) {
  std::vector<std::string> found;
  for (const VariantReport& variant : report.variants()) {
    for (const v1::OutputFidelity& output : variant.fidelity().outputs()) {
      const double whole = variant.fidelity().sqnr_db();
      if (output.sqnr_db() >= kWeakDb || whole < output.sqnr_db() + kWeakDb) continue;
      found.push_back(absl::StrFormat("%s: '%s' has %.1f dB, all outputs together %.1f dB",
                                      variant.spec().name(), output.output(), output.sqnr_db(),
                                      whole));
    }
  }
  return found.empty()
             ? ""
             : absl::StrCat("An output is lost that the others hide: ", absl::StrJoin(found, "; "),
                            ".");
}

std::string FewExamples(const Report& report) {
  const VariantReport* float32 = FindFloat32(report);
  const int64_t examples = float32 == nullptr        ? 0
                           : float32->has_accuracy() ? float32->accuracy().examples()
                                                     : float32->fidelity().examples();
  return examples == 0 || examples >= kFewExamples
             ? ""
             : absl::StrCat(
                   "Only ", examples,
                   " examples were evaluated: differences between variants may be chance.");
}

const std::vector<Finding>& Findings() {
  static const auto& findings =
      *new std::vector<Finding>{{"VARIANTS_IDENTICAL", &IdenticalVariants},
                                {"LATENCY_DISTURBED", &DisturbedLatencies},
                                {"LATENCY_SHARED", &SharedLatencies},
                                {"OUTPUT_LOST", &WeakOutputs},
                                {"FEW_EXAMPLES", &FewExamples}};
  return findings;
}

// Replaces the warnings that were found here, so that judging twice is judging once; keeps the
// others.
void RenewWarnings(Report& report) {
  std::set<std::string> ours;
  for (const Finding& finding : Findings()) ours.insert(finding.reason);
  auto& warnings = *report.mutable_warnings();
  warnings.erase(
      std::remove_if(warnings.begin(), warnings.end(),
                     [&](const v1::Warning& warning) { return ours.count(warning.reason()) != 0; }),
      warnings.end());
  for (const Finding& finding : Findings()) {
    const std::string message = finding.message(report);
    if (message.empty()) continue;
    v1::Warning& warning = *report.add_warnings();
    warning.set_reason(finding.reason);
    warning.set_message(message);
  }
}

}  // namespace

void JudgeVariant(const VariantReport& float32, const Goals& goals, VariantReport& variant) {
  variant.set_size_ratio(SizeRatio(float32, variant).value_or(0));
  SetDrops(float32, variant);
  if (variant.has_recurrence()) SetDrops(float32.recurrence(), *variant.mutable_recurrence());
  variant.clear_goals();
  variant.set_meets_goals(false);
  if (!IsHeldAgainstGoals(variant)) return;
  for (const GoalKind& kind : kGoalKinds) {
    if (!(goals.*kind.is_set)()) continue;
    *variant.add_goals() = HeldAgainst(kind, (goals.*kind.limit)(), kind.measure(float32, variant));
  }
  variant.set_meets_goals(Succeeded(variant) &&
                          std::all_of(variant.goals().begin(), variant.goals().end(),
                                      [](const GoalResult& goal) { return goal.met(); }));
}

void JudgeReport(Report& report) {
  const VariantReport* float32 = FindFloat32(report);
  const VariantReport baseline = float32 == nullptr ? VariantReport() : *float32;
  for (VariantReport& variant : *report.mutable_variants()) {
    if (Succeeded(variant)) JudgeVariant(baseline, report.spec().goals(), variant);
  }
  report.clear_recommended_variant();
  report.clear_recommendation_reason();
  if (HasGoals(report.spec().goals())) {
    RecommendByGoals(baseline, report);
  } else {
    RecommendByInterval(FindFloat32(report), report);
  }
  report.set_verdict(VerdictOf(report));
  RenewWarnings(report);
}

}  // namespace octavo
