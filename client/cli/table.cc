#include "client/cli/table.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ftxui/dom/elements.hpp>
#include <ftxui/dom/table.hpp>
#include <ftxui/screen/screen.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace octavo {
namespace {

// One column of the report's table: a heading, and what a variant shows there.
struct Column {
  std::string heading;
  std::string (*cell)(const v1::VariantReport&);
  // Shown where a variant has it; null: always.
  bool (*is_there)(const v1::VariantReport&) = nullptr;
};

std::string Number(const char* format, double value) {
  return absl::StrFormat(*absl::ParsedFormat<'f'>::New(format), value);
}

std::string Decibel(const v1::VariantReport& variant) {
  if (!variant.has_fidelity() || variant.spec().scheme() == v1::SCHEME_FLOAT32) return "";
  const double sqnr = variant.fidelity().sqnr_db();
  return std::isinf(sqnr) ? "equal" : Number("%.1f", sqnr);
}

std::string Milliseconds(double value) {
  return Number(value < 1 ? "%.3f" : value < 100 ? "%.2f" : "%.0f", value);
}

std::string Verdict(const v1::VariantReport& variant) {
  switch (variant.state()) {
    case v1::VariantReport::STATE_SKIPPED:
      return absl::StrCat("SKIPPED: ", variant.skip_reason());
    case v1::VariantReport::STATE_FAILED:
      return absl::StrCat("FAILED: ", variant.error().message());
    default:
      break;
  }
  if (variant.goals().empty()) return "";
  if (variant.meets_goals()) return "PASS";
  std::vector<std::string> missed;
  for (const v1::GoalResult& goal : variant.goals()) {
    if (!goal.met()) missed.push_back(goal.goal());
  }
  return absl::StrCat("missed ", absl::StrJoin(missed, ", "));
}

bool HasAccuracy(const v1::VariantReport& variant) { return variant.has_accuracy(); }

// Of the first metric of masks in one run, plain or recurrent; null where there is none.
template <typename Run>
const v1::MetricReport* MasksOf(const Run& run) {
  for (const v1::MetricReport& metric : run.metrics()) {
    if (metric.has_segmentation()) return &metric;
  }
  return nullptr;
}

const v1::MetricReport* ErrorsOf(const v1::VariantReport& variant) {
  for (const v1::MetricReport& metric : variant.metrics()) {
    if (metric.has_regression()) return &metric;
  }
  return nullptr;
}

template <typename Run>
std::string MeanIou(const Run& run) {
  const v1::MetricReport* masks = MasksOf(run);
  return masks == nullptr ? "" : Number("%.2f", 100 * masks->segmentation().mean_iou());
}

// The larger loss of the two runs.
std::string MaskDrop(const v1::VariantReport& variant) {
  const v1::MetricReport* masks = MasksOf(variant);
  if (masks == nullptr || variant.spec().scheme() == v1::SCHEME_FLOAT32) return "";
  const v1::MetricReport* fed = MasksOf(variant.recurrence());
  const double drop =
      std::max(masks->drop_points(), fed == nullptr ? masks->drop_points() : fed->drop_points());
  return Number("%+.2f", drop);
}

std::string Errors(const v1::VariantReport& variant) {
  const v1::MetricReport* errors = ErrorsOf(variant);
  if (errors == nullptr) return "";
  return absl::StrFormat("%.4g", errors->regression().root_mean_square_error());
}

// Place by place where an output is a mask.
std::string Agreement(const v1::VariantReport& variant) {
  if (!variant.has_fidelity()) return "";
  const v1::MetricReport* masks = MasksOf(variant);
  return Number("%.2f", 100 * (masks == nullptr ? variant.fidelity().argmax_agreement()
                                                : masks->segmentation().agreement()));
}

const Column kColumns[] = {
    {"variant", [](const v1::VariantReport& v) { return v.spec().name(); }},
    {"bytes",
     [](const v1::VariantReport& v) {
       return v.has_artifact() ? GroupDigits(v.artifact().size_bytes()) : "";
     }},
    {"ratio",
     [](const v1::VariantReport& v) {
       return v.size_ratio() > 0 ? Number("%.2f", v.size_ratio()) : "";
     }},
    {"top-1 %",
     [](const v1::VariantReport& v) {
       return v.has_accuracy() ? Number("%.2f", 100 * v.accuracy().top1()) : "";
     },
     &HasAccuracy},
    {"drop",
     [](const v1::VariantReport& v) {
       const bool shown = v.has_accuracy() && v.spec().scheme() != v1::SCHEME_FLOAT32;
       return shown ? Number("%+.2f", v.accuracy().drop_points()) : "";
     },
     &HasAccuracy},
    {"mIoU %", [](const v1::VariantReport& v) { return MeanIou(v); },
     [](const v1::VariantReport& v) { return MasksOf(v) != nullptr; }},
    {"fed back %", [](const v1::VariantReport& v) { return MeanIou(v.recurrence()); },
     [](const v1::VariantReport& v) { return MasksOf(v.recurrence()) != nullptr; }},
    {"drop", MaskDrop, [](const v1::VariantReport& v) { return MasksOf(v) != nullptr; }},
    {"rmse", Errors, [](const v1::VariantReport& v) { return ErrorsOf(v) != nullptr; }},
    {"sqnr dB", Decibel},
    {"agree %", Agreement},
    {"p50 ms",
     [](const v1::VariantReport& v) {
       return v.has_latency() ? Milliseconds(v.latency().p50_ms()) : "";
     }},
    {"p90 ms",
     [](const v1::VariantReport& v) {
       return v.has_latency() ? Milliseconds(v.latency().p90_ms()) : "";
     }},
    {"x float",
     [](const v1::VariantReport& v) {
       if (!v.has_latency()) return std::string();
       return absl::StrCat(Number("%.2f", v.latency().ratio()), v.latency().disturbed() ? "*" : "");
     }},
    {"verdict", Verdict},
};

TableText VariantTable(const v1::Report& report) {
  std::vector<const Column*> columns;
  for (const Column& column : kColumns) {
    if (column.is_there == nullptr ||
        std::any_of(report.variants().begin(), report.variants().end(), column.is_there)) {
      columns.push_back(&column);
    }
  }
  TableText table;
  table.rows.emplace_back();
  for (const Column* column : columns) table.rows[0].push_back(column->heading);
  table.left_columns = {0, static_cast<int>(table.rows[0].size()) - 1};
  for (const v1::VariantReport& variant : report.variants()) {
    if (variant.spec().name() == report.recommended_variant() &&
        !report.recommended_variant().empty()) {
      table.bold = static_cast<int>(table.rows.size()) - 1;
    }
    std::vector<std::string>& row = table.rows.emplace_back();
    for (const Column* column : columns) row.push_back(column->cell(variant));
  }
  return table;
}

}  // namespace

bool ColorWanted() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_color == nullptr || *no_color == '\0');
}

std::string GroupDigits(int64_t number) {
  std::string digits = absl::StrCat(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3) {
    digits.insert(i, ",");
  }
  return digits;
}

std::string RenderTable(const TableText& text, bool color) {
  using namespace ftxui;  // NOLINT: its element functions read as a notation
  auto rows = text.rows;
  // The library measures columns by cells; a gap is part of the cell to its right.
  for (auto& row : rows) {
    for (size_t i = 1; i < row.size(); ++i) row[i] = "  " + row[i];
  }
  Table table(rows);
  for (size_t column = 0; column < rows[0].size(); ++column) {
    const bool left = std::count(text.left_columns.begin(), text.left_columns.end(), column) > 0;
    if (!left) table.SelectColumn(column).DecorateCells(align_right);
  }
  if (color) {
    table.SelectRow(0).Decorate(dim);
    if (text.bold >= 0) table.SelectRow(text.bold + 1).Decorate(bold);
  }
  Element document = table.Render();
  document->ComputeRequirement();
  // As wide as it needs to be: the terminal wraps, nothing is cut off.
  Screen screen(document->requirement().min_x, document->requirement().min_y);
  Render(screen, document);
  std::vector<std::string> lines = absl::StrSplit(screen.ToString(), "\r\n");
  for (std::string& line : lines) line = std::string(absl::StripTrailingAsciiWhitespace(line));
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

std::string RenderReport(const v1::Report& report, bool color) {
  std::string text = RenderTable(VariantTable(report), color);
  const bool disturbed = std::any_of(report.variants().begin(), report.variants().end(),
                                     [](const auto& v) { return v.latency().disturbed(); });
  if (disturbed) absl::StrAppend(&text, "* disturbed: something else ran while this was timed\n");
  for (const v1::Warning& warning : report.warnings()) {
    absl::StrAppend(&text, "warning: ", warning.message(), "\n");
  }
  absl::StrAppend(&text, "\n", absl::StripPrefix(v1::Verdict_Name(report.verdict()), "VERDICT_"),
                  ": ", report.recommendation_reason(), "\n");
  return text;
}

}  // namespace octavo
