// From measurements to a judgement: ratios, goals, verdict, recommendation.

#ifndef OCTAVO_CORE_REPORT_REPORT_BUILDER_H_
#define OCTAVO_CORE_REPORT_REPORT_BUILDER_H_

#include "octavo/v1/report.pb.h"

namespace octavo {

// An output of fewer dB than this has lost most of what it says.
inline constexpr double kWeakDb = 10;

// Fills what follows from what was measured: size ratios and accuracy drops against the float32
// variant, each goal's result, the verdict, the recommended variant (the smallest that meets every
// goal; a tie goes to the faster) and its reason in a sentence, and warnings: VARIANTS_IDENTICAL
// (the same file), LATENCY_DISTURBED, LATENCY_SHARED, FEW_EXAMPLES (fewer than a hundred).
// Everything else in `report` stays; judging twice is judging once. Without goals: PASS, and the
// smallest variant whose top-1 (or argmax agreement) lies within the interval of float32's.
void JudgeReport(v1::Report& report);

// One variant against the float32 one, as JudgeReport does it: ratios, drop, goals. Goals are for
// what was made of the model: float32 itself has none and meets none.
void JudgeVariant(const v1::VariantReport& float32, const v1::Goals& goals,
                  v1::VariantReport& variant);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_REPORT_BUILDER_H_
