#include "core/report/metrics_html.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/report/drift_chart.h"
#include "core/report/html_text.h"
#include "core/report/number_text.h"
#include "core/report/report_builder.h"

namespace octavo {
namespace {

using v1::MetricReport;
using v1::Report;
using v1::VariantReport;

// Of more classes those are told that lose most.
constexpr size_t kMaxClasses = 12;

struct Row {
  std::string name;
  int colour = 0;
  const VariantReport* variant = nullptr;
};

std::vector<Row> RowsOf(const Report& report, int num_colours) {
  std::vector<Row> rows;
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    if (variant.state() != VariantReport::STATE_SUCCEEDED) continue;
    rows.push_back({variant.spec().name(), i % num_colours, &variant});
  }
  return rows;
}

struct Cells {
  std::vector<std::string> headings;
  std::function<std::vector<std::string>(const MetricReport&)> cells;
};

std::string Share(double share) { return absl::StrFormat("%.2f", 100 * share); }

// The classes that are there, in their order; of many those whose IoU falls most in any variant.
std::vector<int> ClassesToTell(const std::vector<const MetricReport*>& metrics) {
  const auto& reference = metrics[0]->segmentation().classes();
  std::vector<std::pair<double, int>> falls;
  for (int label = 0; label < reference.size(); ++label) {
    const v1::ClassIou& one = reference[label];
    if (one.target_places() + one.predicted_places() == 0) continue;
    double fall = 0;
    for (const MetricReport* metric : metrics) {
      const auto& classes = metric->segmentation().classes();
      if (label < classes.size()) fall = std::max(fall, one.iou() - classes[label].iou());
    }
    falls.emplace_back(-fall, label);
  }
  std::stable_sort(falls.begin(), falls.end());
  std::vector<int> classes;
  for (const auto& [fall, label] : falls) {
    if (classes.size() < kMaxClasses) classes.push_back(label);
  }
  std::sort(classes.begin(), classes.end());
  return classes;
}

Cells MaskCells(const std::vector<const MetricReport*>& metrics) {
  const std::vector<int> classes = ClassesToTell(metrics);
  Cells cells{{"mIoU %", "95 % interval", "drop", "right places %", "as float32 %"}, {}};
  for (const int label : classes) cells.headings.push_back(absl::StrCat("IoU % of ", label));
  cells.cells = [classes](const MetricReport& metric) {
    const v1::Segmentation& masks = metric.segmentation();
    std::vector<std::string> row = {
        Share(masks.mean_iou()),
        absl::StrCat(Share(masks.mean_iou_low()), " – ", Share(masks.mean_iou_high())),
        SignedText(metric.drop_points()), Share(masks.place_accuracy()), Share(masks.agreement())};
    for (const int label : classes) {
      row.push_back(label < masks.classes_size() ? Share(masks.classes(label).iou()) : "–");
    }
    return row;
  };
  return cells;
}

std::string ErrorText(double error) { return absl::StrFormat("%.4g", error); }

Cells ErrorCells() {
  return {{"MAE", "RMSE", "largest error", "R²"}, [](const MetricReport& metric) {
            const v1::Regression& errors = metric.regression();
            return std::vector<std::string>{
                ErrorText(errors.mean_absolute_error()), ErrorText(errors.root_mean_square_error()),
                ErrorText(errors.max_error()),
                errors.has_r2() ? absl::StrFormat("%.5f", errors.r2()) : "–"};
          }};
}

Cells ClassCells() {
  return {{"top-1 %", "95 % interval", "drop"}, [](const MetricReport& metric) {
            const v1::Accuracy& accuracy = metric.accuracy();
            return std::vector<std::string>{
                Share(accuracy.top1()),
                absl::StrCat(Share(accuracy.top1_low()), " – ", Share(accuracy.top1_high())),
                SignedText(metric.drop_points())};
          }};
}

Cells CellsOf(const std::vector<const MetricReport*>& metrics) {
  if (metrics[0]->has_segmentation()) return MaskCells(metrics);
  return metrics[0]->has_regression() ? ErrorCells() : ClassCells();
}

std::string Swatch(const Row& row) {
  return absl::StrCat("<th><span class=\"sw k", row.colour, "\"></span>", EscapeHtml(row.name),
                      "</th>");
}

std::string Table(const std::vector<std::string>& headings, const std::string& rows) {
  std::string out = "<div class=scroll><table><thead><tr><th class=left>variant</th>";
  for (const std::string& heading : headings) {
    absl::StrAppend(&out, "<th>", EscapeHtml(heading), "</th>");
  }
  return absl::StrCat(out, "</tr></thead><tbody>", rows, "</tbody></table></div>");
}

std::string Card(const std::string& title, const std::string& about, const std::string& table) {
  return absl::StrCat("<div class=\"card told\"><div class=inside><h3>", title,
                      "</h3><span class=\"soft small\">", about, "</span></div>", table, "</div>");
}

using MetricsOf =
    std::function<const google::protobuf::RepeatedPtrField<MetricReport>&(const VariantReport&)>;

// The metric at `place` of every variant that has it.
std::string MetricTable(const std::vector<Row>& rows, int place, const MetricsOf& metrics_of,
                        const std::string& how) {
  std::vector<const MetricReport*> metrics;
  std::vector<const Row*> having;
  for (const Row& row : rows) {
    if (place >= metrics_of(*row.variant).size()) continue;
    metrics.push_back(&metrics_of(*row.variant)[place]);
    having.push_back(&row);
  }
  const Cells cells = CellsOf(metrics);
  std::string text;
  for (size_t i = 0; i < metrics.size(); ++i) {
    absl::StrAppend(&text, "<tr>", Swatch(*having[i]));
    for (const std::string& cell : cells.cells(*metrics[i])) {
      absl::StrAppend(&text, "<td>", cell, "</td>");
    }
    absl::StrAppend(&text, "</tr>");
  }
  const MetricReport& first = *metrics[0];
  return Card(
      absl::StrCat("<span class=mono>", EscapeHtml(first.output()),
                   "</span> against <span class=mono>", EscapeHtml(first.targets()), "</span>"),
      absl::StrCat(how, GroupedText(first.examples()), " examples"), Table(cells.headings, text));
}

int LargestCount(const std::vector<Row>& rows, const MetricsOf& metrics_of) {
  int largest = 0;
  for (const Row& row : rows) largest = std::max(largest, metrics_of(*row.variant).size());
  return largest;
}

std::string MetricTables(const std::vector<Row>& rows) {
  const MetricsOf plain = [](const VariantReport& variant) -> const auto& {
    return variant.metrics();
  };
  const MetricsOf recurrent = [](const VariantReport& variant) -> const auto& {
    return variant.recurrence().metrics();
  };
  std::string out;
  for (int i = 0; i < LargestCount(rows, plain); ++i) {
    absl::StrAppend(&out, MetricTable(rows, i, plain, ""));
  }
  for (int i = 0; i < LargestCount(rows, recurrent); ++i) {
    absl::StrAppend(&out,
                    MetricTable(rows, i, recurrent, "each variant fed with its own outputs; "));
  }
  return out;
}

std::string OutputTable(const std::vector<Row>& rows) {
  std::vector<std::string> headings;
  std::string text;
  for (const Row& row : rows) {
    const v1::Fidelity& fidelity = row.variant->fidelity();
    if (fidelity.outputs().empty() || row.variant->spec().scheme() == v1::SCHEME_FLOAT32) continue;
    absl::StrAppend(&text, "<tr>", Swatch(row), "<td>", DecibelText(fidelity.sqnr_db()), "</td>");
    headings = {"all outputs"};
    for (const v1::OutputFidelity& output : fidelity.outputs()) {
      headings.push_back(output.output());
      absl::StrAppend(&text, "<td", output.sqnr_db() < kWeakDb ? " class=miss" : "",
                      " title=\"largest error ", ErrorText(output.max_abs_error()), ", cosine ",
                      absl::StrFormat("%.5f", output.cosine()), "\">",
                      DecibelText(output.sqnr_db()), "</td>");
    }
    absl::StrAppend(&text, "</tr>");
  }
  if (text.empty()) return "";
  return Card("Output by output",
              "SQNR against float32, dB: over all outputs a large one hides a small one.",
              Table(headings, text));
}

std::string Figure(const std::string& svg, const std::string& title, const std::string& about) {
  if (svg.empty()) return "";
  return absl::StrCat("<figure class=card><figcaption><h3>", title, "</h3><span>", about,
                      "</span></figcaption>", svg, "</figure>");
}

std::string Legend(const std::vector<Row>& rows) {
  std::string out = "<ul class=legend>";
  for (const Row& row : rows) {
    absl::StrAppend(&out, "<li><span class=\"sw k", row.colour, "\"></span>", EscapeHtml(row.name),
                    "</li>");
  }
  return absl::StrCat(out, "</ul>");
}

std::vector<DriftSeries> SeriesOf(const std::vector<Row>& rows, bool has_float32,
                                  const std::function<double(const v1::DriftPoint&)>& value_of) {
  std::vector<DriftSeries> all;
  for (const Row& row : rows) {
    if (!has_float32 && row.variant->spec().scheme() == v1::SCHEME_FLOAT32) continue;
    DriftSeries series{row.name, row.colour, {}, {}};
    for (const v1::DriftPoint& point : row.variant->recurrence().drift()) {
      series.steps.push_back(static_cast<double>(point.step()));
      series.values.push_back(value_of(point));
    }
    all.push_back(std::move(series));
  }
  return all;
}

std::string DriftFigures(const std::vector<Row>& rows) {
  const auto sqnr = [](const v1::DriftPoint& point) { return point.sqnr_db(); };
  const auto agreement = [](const v1::DriftPoint& point) { return 100 * point.agreement(); };
  const auto iou = [](const v1::DriftPoint& point) {
    return point.has_mean_iou() ? 100 * point.mean_iou() : NAN;
  };
  return absl::StrCat(
      Figure(DriftChart(SeriesOf(rows, false, sqnr), "Noise over time", "SQNR, dB"),
             "Noise over time",
             "Of what is fed back, against float32 that was fed with its own. A line that falls is "
             "error that adds up."),
      Figure(DriftChart(SeriesOf(rows, false, agreement), "Agreement over time", "as float32, %"),
             "Agreement over time", "The same answer as float32 at the same step."),
      Figure(DriftChart(SeriesOf(rows, true, iou), "mIoU over time", "mIoU, %"), "mIoU over time",
             "Against the targets, float32 too."));
}

std::string Picture(const std::string& png, const std::string& title, const std::string& below) {
  if (png.empty()) return "<td></td>";
  return absl::StrCat("<td><img alt=\"", title, "\" title=\"", title,
                      "\" src=\"data:image/png;base64,", absl::Base64Escape(png), "\"><small>",
                      below, "</small></td>");
}

const v1::Segmentation* MasksOf(const VariantReport& variant) {
  return variant.has_recurrence() ? FindMasks(variant.recurrence()) : FindMasks(variant);
}

// One row an example: the targets, then what each variant says.
std::string PictureRow(const std::vector<Row>& rows, int place) {
  std::string targets, said;
  int64_t example = 0;
  for (const Row& row : rows) {
    const v1::Segmentation* masks = MasksOf(*row.variant);
    if (masks == nullptr || place >= masks->pictures_size()) {
      absl::StrAppend(&said, "<td></td>");
      continue;
    }
    const v1::MaskPicture& picture = masks->pictures(place);
    example = picture.example();
    if (targets.empty()) targets = Picture(picture.target_png(), "targets", "");
    absl::StrAppend(&said, Picture(picture.png(), EscapeHtml(row.name),
                                   absl::StrFormat("%.2f %%", 100 * picture.agreement())));
  }
  return absl::StrCat("<tr><th>", example, "</th>", targets, said, "</tr>");
}

std::string Gallery(const std::vector<Row>& rows) {
  int pictures = 0;
  for (const Row& row : rows) {
    const v1::Segmentation* masks = MasksOf(*row.variant);
    if (masks != nullptr) pictures = std::max(pictures, masks->pictures_size());
  }
  if (pictures == 0) return "";
  std::string head = "<tr><th class=left>example</th><th>targets</th>";
  for (const Row& row : rows) absl::StrAppend(&head, Swatch(row));
  std::string body;
  for (int place = 0; place < pictures; ++place) absl::StrAppend(&body, PictureRow(rows, place));
  return absl::StrCat(
      "<h2>Masks side by side</h2><p class=\"small soft\">Below each: the share of places as "
      "float32 has them. <span class=added>Red</span> is added to float32's mask, <span "
      "class=lacking>blue</span> is lacking from it.</p><div class=\"card scroll\"><table "
      "class=masks><thead>",
      head, "</tr></thead><tbody>", body, "</tbody></table></div>");
}

}  // namespace

std::string MetricsHtml(const Report& report, int num_colours) {
  const std::vector<Row> rows = RowsOf(report, num_colours);
  const std::string tables = absl::StrCat(MetricTables(rows), OutputTable(rows));
  return tables.empty() ? "" : absl::StrCat("<h2>Output against target</h2>", tables);
}

std::string DriftHtml(const Report& report, int num_colours) {
  const std::vector<Row> rows = RowsOf(report, num_colours);
  const std::string figures = DriftFigures(rows);
  return absl::StrCat(figures.empty()
                          ? ""
                          : absl::StrCat("<h2>Fed with its own outputs</h2>", Legend(rows),
                                         "<div class=plots>", figures, "</div>"),
                      Gallery(rows));
}

}  // namespace octavo
