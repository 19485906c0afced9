#include "core/report/chart_axis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/report/html_text.h"

namespace octavo {
namespace {

// 1, 2 or 5 times a power of ten, at least `step`.
double RoundStep(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= step * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

// With as many decimals as tell neighbours apart.
std::string TickText(double value, double step) {
  const int decimals = static_cast<int>(std::clamp(-std::floor(std::log10(step) + 1e-9), 0.0, 6.0));
  if (std::abs(value) >= 10000) return absl::StrFormat("%.3g", value);
  return absl::StrFormat("%.*f", decimals, std::abs(value) < step * 1e-6 ? 0.0 : value);
}

}  // namespace

ChartAxis::ChartAxis(double low, double high, double begin, double end, bool is_logarithmic)
    : low_(low), high_(high), begin_(begin), end_(end), is_logarithmic_(is_logarithmic) {}

ChartAxis ChartAxis::Linear(double low, double high, double begin, double end) {
  if (!(high > low)) high = low + std::max(1e-6, std::abs(low) * 1e-3);
  return ChartAxis(low, high, begin, end, false);
}

ChartAxis ChartAxis::Logarithmic(double low, double high, double begin, double end) {
  low = std::max(low, 1e-9);
  high = std::max(high, low * 1.01);
  return ChartAxis(low, high, begin, end, true);
}

double ChartAxis::Place(double value) const {
  const double share = is_logarithmic_
                           ? std::log(std::max(value, low_ * 1e-3) / low_) / std::log(high_ / low_)
                           : (value - low_) / (high_ - low_);
  return begin_ + share * (end_ - begin_);
}

std::vector<Tick> ChartAxis::Ticks(int count) const {
  std::vector<Tick> ticks;
  if (is_logarithmic_) {
    const bool only_tens = std::log10(high_ / low_) > 2.5;
    for (double power = std::pow(10, std::floor(std::log10(low_))); power <= high_; power *= 10) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double value = factor * power;
        if (value < low_ * (1 - 1e-9) || value > high_ || (only_tens && factor != 1.0)) continue;
        ticks.push_back({value, absl::StrCat(value)});
      }
    }
    return ticks;
  }
  const double step = RoundStep((high_ - low_) / count);
  for (double at = std::ceil(low_ / step - 1e-9);
       at * step <= high_ * (1 + 1e-12) && ticks.size() < 50; ++at) {
    ticks.push_back({at * step, TickText(at * step, step)});
  }
  return ticks;
}

std::string PlaceText(double place) { return absl::StrFormat("%.1f", place); }

void DrawRows(const ChartAxis& y, int count, double left, double right, std::string& out) {
  for (const Tick& tick : y.Ticks(count)) {
    const std::string place = PlaceText(y.Place(tick.value));
    absl::StrAppend(&out, "<path class=grid d=\"M", left, " ", place, "H", right,
                    "\"/><text class=tick x=", left - 7, " y=", place, " dy=4 text-anchor=end>",
                    tick.text, "</text>");
  }
}

void DrawTitles(const PlotFrame& frame, const std::string& x_title, const std::string& y_title,
                std::string& out) {
  absl::StrAppend(&out, "<text class=axistitle x=", (frame.left + frame.right) / 2,
                  " y=", frame.height - 8, " text-anchor=middle>", EscapeHtml(x_title),
                  "</text><text class=axistitle transform=\"translate(13 ",
                  (frame.top + frame.bottom) / 2, ") rotate(-90)\" text-anchor=middle>",
                  EscapeHtml(y_title), "</text>");
}

}  // namespace octavo
