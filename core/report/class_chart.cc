#include "core/report/class_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/report/chart_axis.h"
#include "core/report/html_text.h"
#include "core/report/number_text.h"

namespace octavo {
namespace {

constexpr double kWidth = 460;
constexpr size_t kMaxClasses = 20;

bool HasConfusion(const v1::Accuracy& accuracy) {
  const int64_t classes = accuracy.classes();
  return classes > 0 && accuracy.confusion_size() == classes * classes;
}

int64_t Count(const v1::Accuracy& accuracy, int label, int predicted) {
  return accuracy.confusion(label * accuracy.classes() + predicted);
}

int64_t ExamplesOf(const v1::Accuracy& accuracy, int label) {
  int64_t examples = 0;
  for (int predicted = 0; predicted < accuracy.classes(); ++predicted)
    examples += Count(accuracy, label, predicted);
  return examples;
}

double Recall(const v1::Accuracy& accuracy, int label) {
  return static_cast<double>(Count(accuracy, label, label)) /
         static_cast<double>(ExamplesOf(accuracy, label));
}

struct ClassRow {
  int label;
  int64_t examples;
  double float_recall;
  std::vector<double> changes;  // percentage points, one a series

  double Largest() const {
    double largest = 0;
    for (const double change : changes) largest = std::max(largest, std::abs(change));
    return largest;
  }
};

std::vector<ClassRow> RowsOf(const v1::Accuracy& float32, const std::vector<ClassSeries>& series) {
  std::vector<ClassRow> rows;
  for (int label = 0; label < float32.classes(); ++label) {
    ClassRow row{label, ExamplesOf(float32, label), 0, {}};
    if (row.examples == 0) continue;
    row.float_recall = Recall(float32, label);
    for (const ClassSeries& one : series)
      row.changes.push_back(100 * (Recall(*one.accuracy, label) - row.float_recall));
    rows.push_back(std::move(row));
  }
  if (rows.size() > kMaxClasses) {
    std::stable_sort(rows.begin(), rows.end(), [](const ClassRow& a, const ClassRow& b) {
      return a.Largest() > b.Largest();
    });
    rows.resize(kMaxClasses);
    std::sort(rows.begin(), rows.end(),
              [](const ClassRow& a, const ClassRow& b) { return a.label < b.label; });
  }
  return rows;
}

// Dots of one class that lie on each other stand side by side, so that all are seen.
double Spread(const std::vector<double>& places, size_t index) {
  int before = 0;
  for (size_t i = 0; i < index; ++i) before += std::abs(places[i] - places[index]) < 6 ? 1 : 0;
  static constexpr double kSteps[] = {0, -5.5, 5.5, -9, 9, -2.5, 2.5};
  return kSteps[before % 7];
}

}  // namespace

std::string ClassChart(const v1::Accuracy& float32, const std::vector<ClassSeries>& all_series,
                       const std::string& title) {
  std::vector<ClassSeries> series;
  for (const ClassSeries& one : all_series) {
    if (HasConfusion(*one.accuracy) && one.accuracy->classes() == float32.classes())
      series.push_back(one);
  }
  if (!HasConfusion(float32) || series.empty()) return "";
  const std::vector<ClassRow> rows = RowsOf(float32, series);
  if (rows.empty()) return "";
  double largest = 0.1;
  for (const ClassRow& row : rows) largest = std::max(largest, row.Largest());

  constexpr double kLeft = 96, kRight = 18, kTop = 8, kRowHeight = 27;
  const ChartAxis x = ChartAxis::Linear(-largest * 1.12, largest * 1.12, kLeft, kWidth - kRight);
  const double bottom = kTop + kRowHeight * static_cast<double>(rows.size());
  std::string out = absl::StrCat("<svg viewBox=\"0 0 ", kWidth, " ", bottom + 44,
                                 "\" role=img aria-label=\"", EscapeHtml(title), "\">");
  for (const Tick& tick : x.Ticks(5)) {
    const std::string place = PlaceText(x.Place(tick.value));
    absl::StrAppend(&out, "<path class=\"", tick.value == 0 ? "axis" : "grid", "\" d=\"M", place,
                    " ", kTop, "V", bottom, "\"/><text class=tick x=", place, " y=", bottom + 16,
                    " text-anchor=middle>", tick.value > 0 ? "+" : "", tick.text, "</text>");
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const ClassRow& row = rows[i];
    const double middle = kTop + kRowHeight * (static_cast<double>(i) + 0.5);
    absl::StrAppend(&out, "<text class=label x=", kLeft - 10, " y=", PlaceText(middle + 4),
                    " text-anchor=end>", row.label, "<tspan class=tick> · ",
                    absl::StrFormat("%.1f", 100 * row.float_recall), " %</tspan></text>");
    std::vector<double> places;
    for (const double change : row.changes) places.push_back(x.Place(change));
    for (size_t s = 0; s < series.size(); ++s) {
      absl::StrAppend(&out, "<circle class=\"dot k", series[s].colour,
                      "\" cx=", PlaceText(places[s]), " cy=", PlaceText(middle + Spread(places, s)),
                      " r=4><title>class ", row.label, ", ", EscapeHtml(series[s].label), ": ",
                      SignedText(row.changes[s]), " points of ", row.examples,
                      " examples</title></circle>");
    }
  }
  absl::StrAppend(&out, "<text class=axistitle x=", (kLeft + kWidth - kRight) / 2,
                  " y=", bottom + 36, " text-anchor=middle>change of recall, points</text></svg>");
  return out;
}

std::string ConfusionChart(const v1::Accuracy& accuracy, const v1::Accuracy* float32,
                           const std::string& title) {
  if (!HasConfusion(accuracy)) return "";
  if (float32 != nullptr && (!HasConfusion(*float32) || float32->classes() != accuracy.classes()))
    return "";
  constexpr double kLeft = 40, kTop = 30, kSide = 400;
  const int classes = accuracy.classes();
  const double cell = kSide / classes;
  const bool has_text = classes <= 12;
  const int label_step = classes <= 20 ? 1 : classes <= 50 ? 5 : 10;
  const auto value = [&](int label, int predicted) {
    return Count(accuracy, label, predicted) -
           (float32 == nullptr ? 0 : Count(*float32, label, predicted));
  };
  double largest = 1;
  for (int i = 0; i < classes * classes; ++i) {
    // Of a matrix the diagonal would drown what is confused: it has a scale of its own.
    if (float32 != nullptr || i / classes != i % classes) {
      largest = std::max(largest, std::abs(static_cast<double>(value(i / classes, i % classes))));
    }
  }
  std::string out = absl::StrCat(
      "<svg viewBox=\"0 0 ", kWidth, " ", kTop + kSide + 8, "\" role=img aria-label=\"",
      EscapeHtml(title), "\"><text class=axistitle x=", kLeft + kSide / 2,
      " y=11 text-anchor=middle>predicted</text><text class=axistitle transform=\"translate(11 ",
      kTop + kSide / 2, ") rotate(-90)\" text-anchor=middle>true class</text>");
  for (int i = 0; i < classes; i += label_step) {
    absl::StrAppend(
        &out, "<text class=tick x=", PlaceText(kLeft + (i + 0.5) * cell), " y=", kTop - 5,
        " text-anchor=middle>", i, "</text><text class=tick x=", kLeft - 5,
        " y=", PlaceText(kTop + (i + 0.5) * cell), " dy=4 text-anchor=end>", i, "</text>");
  }
  for (int label = 0; label < classes; ++label) {
    const double row_examples =
        std::max<double>(1, static_cast<double>(ExamplesOf(accuracy, label)));
    for (int predicted = 0; predicted < classes; ++predicted) {
      const int64_t count = value(label, predicted);
      if (count == 0 && !has_text) continue;
      const bool is_diagonal = label == predicted;
      const double strength = float32 == nullptr && is_diagonal
                                  ? static_cast<double>(count) / row_examples
                                  : std::pow(std::abs(count) / largest, 0.7);
      // Good: right more often, wrong less often.
      const bool is_good = float32 == nullptr ? is_diagonal : (count > 0) == is_diagonal;
      absl::StrAppend(&out, "<g><title>class ", label, " taken for ", predicted, ": ");
      if (float32 != nullptr) {
        absl::StrAppend(&out, Count(accuracy, label, predicted), " instead of ",
                        Count(*float32, label, predicted));
      } else {
        absl::StrAppend(&out, count);
      }
      absl::StrAppend(
          &out, "</title><rect class=\"cell ", is_good ? "good" : "bad",
          "\" x=", PlaceText(kLeft + predicted * cell + 0.5),
          " y=", PlaceText(kTop + label * cell + 0.5), " width=", PlaceText(cell - 1),
          " height=", PlaceText(cell - 1), " style=\"--s:",
          absl::StrFormat("%.2f", count == 0 ? 0.0 : std::clamp(0.05 + 0.75 * strength, 0.0, 0.8)),
          "\"/>");
      if (has_text && count != 0) {
        absl::StrAppend(&out,
                        "<text class=celltext x=", PlaceText(kLeft + (predicted + 0.5) * cell),
                        " y=", PlaceText(kTop + (label + 0.5) * cell), " dy=4 text-anchor=middle>",
                        float32 != nullptr && count > 0 ? "+"
                        : count < 0                     ? "−"
                                                        : "",
                        std::abs(count), "</text>");
      }
      absl::StrAppend(&out, "</g>");
    }
  }
  absl::StrAppend(&out, "</svg>");
  return out;
}

}  // namespace octavo
