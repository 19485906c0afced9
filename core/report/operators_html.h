// The part of a report that explains: operator by operator, and how runtimes take each variant.

#ifndef OCTAVO_CORE_REPORT_OPERATORS_HTML_H_
#define OCTAVO_CORE_REPORT_OPERATORS_HTML_H_

#include <string>

#include "octavo/v1/report.pb.h"

namespace octavo {

// A heading and a card with one section a variant; empty where no variant was made. The largest
// model does not make it long: it has the worst ten operators, and of all of them as many as
// `kMaxOperatorRows` leaves each variant.
std::string OperatorsHtml(const v1::Report& report);

inline constexpr int kMaxOperatorRows = 2000;

// What a variant's delegate estimate means, in a sentence or two; `float32` is null where there is
// none. Empty: nothing was estimated.
std::string DelegateSentence(const v1::VariantReport& variant, const v1::VariantReport* float32);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_OPERATORS_HTML_H_
