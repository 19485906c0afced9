#include "core/report/sample_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/base/percentile.h"
#include "core/report/chart_axis.h"
#include "core/report/html_text.h"

namespace octavo {
namespace {

constexpr double kWidth = 460;
constexpr double kTop = 8;
constexpr double kBottom = 44;
constexpr double kRow = 36;
constexpr double kRight = 16;
constexpr double kLeft = 104;
// A longer name is cut; its tooltip has it whole.
constexpr size_t kMaxNameBytes = 14;
// More dots than this only make the page longer: every n-th sample is drawn, the box is of all.
constexpr size_t kMaxDots = 250;

std::vector<float> Drawable(const std::vector<float>& samples) {
  std::vector<float> drawable;
  for (const float sample : samples) {
    if (std::isfinite(sample) && sample > 0) drawable.push_back(sample);
  }
  return drawable;
}

ChartAxis XAxis(const std::vector<SampleRow>& rows) {
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (const SampleRow& row : rows) {
    std::vector<float> samples = Drawable(row.samples);
    if (samples.empty()) continue;
    std::sort(samples.begin(), samples.end());
    low = std::min<double>(low, samples.front());
    // One interrupted run must not push all others to the edge: what lies beyond is drawn at the
    // edge.
    high = std::max(high, std::min<double>(samples.back(), 3 * PercentileOfSorted(samples, 0.9)));
  }
  if (high / low > 15) return ChartAxis::Logarithmic(low / 1.2, high * 1.2, kLeft, kWidth - kRight);
  return ChartAxis::Linear(0, high * 1.05, kLeft, kWidth - kRight);
}

// Names of variants are of ASCII letters, digits and marks, so that bytes are characters.
std::string ShortName(const std::string& name) {
  if (name.size() <= kMaxNameBytes) return name;
  return absl::StrCat(name.substr(0, kMaxNameBytes - 1), "…");
}

void DrawRow(const SampleRow& row, double middle, const ChartAxis& x, std::string& out) {
  const std::vector<float> samples = Drawable(row.samples);
  absl::StrAppend(&out, "<g class=\"samples k", row.colour, "\"><title>", EscapeHtml(row.tooltip),
                  "</title><text class=label x=", kLeft - 10, " y=", PlaceText(middle + 4),
                  " text-anchor=end>", EscapeHtml(ShortName(row.label)), "</text>");
  if (samples.empty()) {
    absl::StrAppend(&out, "</g>");
    return;
  }
  absl::StrAppend(&out, "<path class=dots d=\"");
  const size_t step = samples.size() / kMaxDots + 1;
  for (size_t i = 0; i < samples.size(); i += step) {
    // Spread by their place in the series, so that a drift shows as a slope.
    const double height =
        middle + 1 + 11 * static_cast<double>(i) / static_cast<double>(samples.size());
    const double place = std::min(x.Place(samples[i]), x.end());
    absl::StrAppend(&out, "M", PlaceText(place), " ", PlaceText(height), "h0");
  }
  absl::StrAppend(&out, "\"/>");
  std::vector<float> sorted = samples;
  std::sort(sorted.begin(), sorted.end());
  const auto place = [&](double share) {
    return PlaceText(x.Place(PercentileOfSorted(sorted, share)));
  };
  absl::StrAppend(&out, "<path class=whisker d=\"M", place(0.75), " ", PlaceText(middle - 1), "H",
                  place(0.9), "\"/>", "<path class=box d=\"M", place(0.25), " ",
                  PlaceText(middle - 5), "H", place(0.75), "v8H", place(0.25),
                  "z\"/><path class=median d=\"M", place(0.5), " ", PlaceText(middle - 7),
                  "v12\"/></g>");
}

}  // namespace

std::string SampleChart(const std::vector<SampleRow>& rows, const std::string& title,
                        const std::string& x_title) {
  const bool any = std::any_of(rows.begin(), rows.end(),
                               [](const SampleRow& row) { return !Drawable(row.samples).empty(); });
  if (!any) return "";
  const ChartAxis x = XAxis(rows);
  const double bottom = kTop + kRow * static_cast<double>(rows.size()) + 4;
  std::string out = absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", bottom + kBottom,
                                 "\" role=img aria-label=\"", EscapeHtml(title), "\">");
  for (const Tick& tick : x.Ticks(6)) {
    const std::string place = PlaceText(x.Place(tick.value));
    absl::StrAppend(&out, "<path class=grid d=\"M", place, " ", kTop, "V", bottom,
                    "\"/><text class=tick x=", place, " y=", bottom + 16, " text-anchor=middle>",
                    tick.text, "</text>");
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    DrawRow(rows[i], kTop + kRow * (static_cast<double>(i) + 0.5), x, out);
  }
  absl::StrAppend(&out, "<path class=axis d=\"M", kLeft, " ", bottom, "H", kWidth - kRight,
                  "\"/><text class=axistitle x=", (kLeft + kWidth - kRight) / 2, " y=", bottom + 36,
                  " text-anchor=middle>", EscapeHtml(x_title), "</text></svg>");
  return out;
}

}  // namespace octavo
