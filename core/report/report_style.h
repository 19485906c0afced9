// The look of the report: its style sheet.

#ifndef OCTAVO_CORE_REPORT_REPORT_STYLE_H_
#define OCTAVO_CORE_REPORT_REPORT_STYLE_H_

namespace octavo {

// Colours that variants take in turn: classes k0 to k9.
inline constexpr int kNumColours = 10;

extern const char kReportStyle[];

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_REPORT_STYLE_H_
