// Numbers as a reader of a report wants them.

#ifndef OCTAVO_CORE_REPORT_NUMBER_TEXT_H_
#define OCTAVO_CORE_REPORT_NUMBER_TEXT_H_

#include <cstdint>
#include <string>

namespace octavo {

// "25,376".
std::string GroupedText(int64_t number);
// "24.8 KB", "8.9 MB": of a thousand, as file managers count.
std::string BytesText(int64_t bytes);
// "0.0086", "0.0104", "0.140", "4.40", "230": three digits that count, without a unit.
std::string MillisecondsText(double milliseconds);
// 0.9784 as "97.84".
std::string PercentText(double share);
// "41.8"; "∞", "−∞", "–" for what is no number.
std::string DecibelText(double decibel);
// A change, with a real minus: "−0.06", "+0.01", "0.00".
std::string SignedText(double value);
// "0.297", "3.45", "31.6", "118".
std::string RatioText(double ratio);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_NUMBER_TEXT_H_
