#include "core/report/number_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace octavo {

std::string GroupedText(int64_t number) {
  std::string text = absl::StrCat(number);
  const int first = number < 0 ? 1 : 0;
  for (int at = static_cast<int>(text.size()) - 3; at > first; at -= 3)
    text.insert(static_cast<size_t>(at), ",");
  return text;
}

std::string BytesText(int64_t bytes) {
  static constexpr const char* kUnits[] = {"bytes", "KB", "MB", "GB", "TB"};
  if (bytes < 1000) return absl::StrCat(bytes, " bytes");
  auto amount = static_cast<double>(bytes);
  int unit = 0;
  while (amount >= 999.95 && unit < 4) {
    amount /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.*f %s", amount < 100 ? 1 : 0, amount, kUnits[unit]);
}

std::string MillisecondsText(double milliseconds) {
  const int decimals = milliseconds < 0.1   ? 4
                       : milliseconds < 1   ? 3
                       : milliseconds < 10  ? 2
                       : milliseconds < 100 ? 1
                                            : 0;
  return absl::StrFormat("%.*f", decimals, milliseconds);
}

std::string PercentText(double share) { return absl::StrFormat("%.2f", 100 * share); }

std::string DecibelText(double decibel) {
  if (std::isnan(decibel)) return "–";
  if (std::isinf(decibel)) return decibel > 0 ? "∞" : "−∞";
  return absl::StrFormat("%s%.1f", decibel < -0.05 ? "−" : "", std::abs(decibel));
}

std::string SignedText(double value) {
  std::string size = absl::StrFormat("%.2f", std::abs(value));
  if (size == "0.00") return size;
  return absl::StrCat(value < 0 ? "−" : "+", size);
}

std::string RatioText(double ratio) {
  return absl::StrFormat("%.*f", ratio < 1 ? 3 : ratio < 10 ? 2 : ratio < 100 ? 1 : 0, ratio);
}

}  // namespace octavo
