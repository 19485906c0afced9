#include "core/report/report_html.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "core/report/class_chart.h"
#include "core/report/html_text.h"
#include "core/report/metrics_html.h"
#include "core/report/number_text.h"
#include "core/report/operators_html.h"
#include "core/report/provenance_html.h"
#include "core/report/report_style.h"
#include "core/report/sample_chart.h"
#include "core/report/scatter_chart.h"

namespace octavo {
namespace {

using v1::Report;
using v1::VariantReport;

constexpr char kMissing[] = "<span class=soft>–</span>";

bool Succeeded(const VariantReport& variant) {
  return variant.state() == VariantReport::STATE_SUCCEEDED;
}

bool IsFloat32(const VariantReport& variant) {
  return variant.spec().scheme() == v1::SCHEME_FLOAT32;
}

const VariantReport* FindVariant(const Report& report,
                                 const std::function<bool(const VariantReport&)>& is_it) {
  for (const VariantReport& variant : report.variants()) {
    if (Succeeded(variant) && is_it(variant)) return &variant;
  }
  return nullptr;
}

const VariantReport* Recommended(const Report& report) {
  if (report.recommended_variant().empty()) return nullptr;
  return FindVariant(report, [&](const VariantReport& variant) {
    return variant.spec().name() == report.recommended_variant();
  });
}

bool HasAccuracy(const Report& report) {
  return FindVariant(report, [](const VariantReport& variant) { return variant.has_accuracy(); }) !=
         nullptr;
}

struct VerdictLook {
  v1::Verdict verdict;
  const char* style;
  const char* text;
};
constexpr VerdictLook kVerdicts[] = {{v1::VERDICT_PASS, "pass", "PASS"},
                                     {v1::VERDICT_GOALS_MISSED, "missed", "GOALS MISSED"},
                                     {v1::VERDICT_PARTIAL, "partial", "PARTIAL"}};

std::string VerdictBadge(const Report& report) {
  for (const VerdictLook& look : kVerdicts) {
    if (look.verdict == report.verdict()) {
      return absl::StrCat(" <span class=\"verdict ", look.style, "\">", look.text, "</span>");
    }
  }
  return "";
}

std::string Tile(const std::string& figure, const std::string& unit, const std::string& below) {
  return absl::StrCat("<div class=tile><b>", figure, "<small>", unit, "</small></b><span>", below,
                      "</span></div>");
}

std::string SizeTile(const VariantReport& variant, const VariantReport& float32) {
  const std::string below = absl::StrCat(BytesText(variant.artifact().size_bytes()), " instead of ",
                                         BytesText(float32.artifact().size_bytes()));
  return variant.size_ratio() <= 1 ? Tile(RatioText(1 / variant.size_ratio()), "× smaller", below)
                                   : Tile(RatioText(variant.size_ratio()), "× larger", below);
}

std::string LatencyTile(const v1::Latency& latency) {
  const std::string below =
      absl::StrCat("median ", MillisecondsText(latency.p50_ms()), " ms instead of ",
                   MillisecondsText(latency.float_p50_ms()), " ms");
  return latency.ratio() <= 1 ? Tile(RatioText(1 / latency.ratio()), "× faster", below)
                              : Tile(RatioText(latency.ratio()), "× slower", below);
}

// Place by place where an output is a mask, else of the largest output.
double AgreementOf(const VariantReport& variant) {
  const v1::Segmentation* masks = FindMasks(variant);
  return masks != nullptr ? masks->agreement() : variant.fidelity().argmax_agreement();
}

// The recommended variant in a handful of figures.
std::string Tiles(const Report& report) {
  const VariantReport* variant = Recommended(report);
  const VariantReport* float32 = FindVariant(report, &IsFloat32);
  if (variant == nullptr || float32 == nullptr || variant == float32) return "";
  std::string out = "<div class=tiles>";
  if (variant->size_ratio() > 0) absl::StrAppend(&out, SizeTile(*variant, *float32));
  if (variant->latency().ratio() > 0) absl::StrAppend(&out, LatencyTile(variant->latency()));
  if (variant->has_accuracy() && float32->has_accuracy()) {
    absl::StrAppend(
        &out, Tile(SignedText(-variant->accuracy().drop_points()), "points",
                   absl::StrCat("top-1 ", PercentText(variant->accuracy().top1()), " % instead of ",
                                PercentText(float32->accuracy().top1()), " %")));
  }
  const v1::Segmentation* masks = FindMasks(*variant);
  const v1::Segmentation* float_masks = FindMasks(*float32);
  if (masks != nullptr && float_masks != nullptr) {
    absl::StrAppend(&out,
                    Tile(SignedText(100 * (masks->mean_iou() - float_masks->mean_iou())), "points",
                         absl::StrCat("mIoU ", PercentText(masks->mean_iou()), " % instead of ",
                                      PercentText(float_masks->mean_iou()), " %")));
  }
  if (variant->has_fidelity()) {
    absl::StrAppend(&out, Tile(DecibelText(variant->fidelity().sqnr_db()), "dB",
                               absl::StrCat("over quantization noise; same answer for ",
                                            PercentText(AgreementOf(*variant)), " %")));
  }
  absl::StrAppend(&out, "</div>");
  return out;
}

std::string Notes(const Report& report) {
  std::string out;
  for (const VariantReport& variant : report.variants()) {
    if (variant.state() != VariantReport::STATE_FAILED) continue;
    absl::StrAppend(&out, "<p class=\"note error\"><b>", EscapeHtml(variant.spec().name()),
                    " failed.</b> ", EscapeHtml(variant.error().message()), "</p>");
  }
  for (const v1::Warning& warning : report.warnings()) {
    absl::StrAppend(&out, "<p class=note title=\"", EscapeHtml(warning.reason()), "\">",
                    EscapeHtml(warning.message()), "</p>");
  }
  return out.empty() ? "" : absl::StrCat("<div class=notes>", out, "</div>");
}

std::string Head(const Report& report) {
  const bool is_recommended = !report.recommended_variant().empty();
  const std::string model = report.spec().model();
  std::string out = "<header><div class=brand><b>Octavo</b><span>quantization report</span>";
  if (!model.empty()) absl::StrAppend(&out, "<span class=mono>", EscapeHtml(model), "</span>");
  absl::StrAppend(
      &out, "</div><p class=eyebrow>", is_recommended ? "Recommended variant" : "Verdict",
      "</p><h1>", is_recommended ? EscapeHtml(report.recommended_variant()) : "None to recommend",
      VerdictBadge(report), "</h1><p class=reason>", EscapeHtml(report.recommendation_reason()),
      "</p>", Tiles(report), Notes(report), "</header>");
  return out;
}

// One column of the summary: its heading, and its cell for a variant that was made.
struct Column {
  const char* heading;
  const char* below;  // what stands under the figure; empty: nothing
  const char* tooltip;
  std::function<std::string(const VariantReport&, int colour)> cell;
};

std::string RatioCell(const VariantReport& variant, int colour) {
  if (variant.size_ratio() <= 0) return kMissing;
  return absl::StrFormat("%s×<span class=\"bar k%d\"><i style=\"width:%.0f%%\"></i></span>",
                         RatioText(variant.size_ratio()), colour,
                         std::min(100.0, 100 * variant.size_ratio()));
}

std::string Below(const std::string& above, const std::string& below) {
  return absl::StrCat(above, "<small>", below, "</small>");
}

std::string BytesCell(const VariantReport& variant, int) {
  const v1::Artifact& artifact = variant.artifact();
  return Below(GroupedText(artifact.size_bytes()),
               artifact.gzip_size_bytes() > 0 ? GroupedText(artifact.gzip_size_bytes()) : "");
}

std::string AccuracyCell(const VariantReport& variant, int) {
  if (!variant.has_accuracy()) return kMissing;
  const v1::Accuracy& accuracy = variant.accuracy();
  return Below(PercentText(accuracy.top1()), absl::StrCat(PercentText(accuracy.top1_low()), " – ",
                                                          PercentText(accuracy.top1_high())));
}

std::string Top5Cell(const VariantReport& variant, int) {
  return variant.accuracy().top5() > 0 ? PercentText(variant.accuracy().top5()) : kMissing;
}

std::string DropCell(const VariantReport& variant, int) {
  if (!variant.has_accuracy() || IsFloat32(variant)) return kMissing;
  return SignedText(variant.accuracy().drop_points());
}

// Of the first metric of masks, in the plain run or in the recurrent one.
template <typename Run>
std::string MaskCell(const Run& run) {
  const v1::Segmentation* masks = FindMasks(run);
  if (masks == nullptr) return kMissing;
  return Below(
      PercentText(masks->mean_iou()),
      absl::StrCat(PercentText(masks->mean_iou_low()), " – ", PercentText(masks->mean_iou_high())));
}

// What masks lose in the worse of the two runs.
std::string MaskDropCell(const VariantReport& variant, int) {
  if (IsFloat32(variant)) return kMissing;
  std::optional<double> drop;
  const auto take = [&](const auto& run) {
    for (const v1::MetricReport& metric : run.metrics()) {
      if (metric.has_segmentation()) drop = std::max(drop.value_or(-100), metric.drop_points());
    }
  };
  take(variant);
  take(variant.recurrence());
  return drop ? SignedText(*drop) : kMissing;
}

const v1::Regression* FindErrors(const VariantReport& variant) {
  for (const v1::MetricReport& metric : variant.metrics()) {
    if (metric.has_regression()) return &metric.regression();
  }
  return nullptr;
}

std::string ErrorCell(const VariantReport& variant, int) {
  const v1::Regression* errors = FindErrors(variant);
  if (errors == nullptr) return kMissing;
  return Below(absl::StrFormat("%.4g", errors->root_mean_square_error()),
               errors->has_r2() ? absl::StrFormat("%.4f", errors->r2()) : "");
}

std::string SqnrCell(const VariantReport& variant, int) {
  if (IsFloat32(variant)) return "<span class=soft>reference</span>";
  if (!variant.has_fidelity()) return kMissing;
  return Below(DecibelText(variant.fidelity().sqnr_db()),
               absl::StrFormat("%.5f", variant.fidelity().cosine()));
}

std::string AgreementCell(const VariantReport& variant, int) {
  if (!variant.has_fidelity() || IsFloat32(variant)) return kMissing;
  return PercentText(AgreementOf(variant));
}

std::string LatencyCell(const VariantReport& variant, int) {
  const v1::Latency& latency = variant.latency();
  if (latency.p50_ms() <= 0) return kMissing;
  const char* mark = latency.disturbed() || latency.shared()
                         ? "<span class=soft title=\"disturbed or shared\">~</span>"
                         : "";
  return Below(absl::StrCat(mark, MillisecondsText(latency.p50_ms())),
               MillisecondsText(latency.p90_ms()));
}

std::string LatencyRatioCell(const VariantReport& variant, int) {
  return variant.latency().ratio() > 0 ? absl::StrCat(RatioText(variant.latency().ratio()), "×")
                                       : kMissing;
}

std::string MemoryCell(const VariantReport& variant, int) {
  return variant.memory().peak_bytes() > 0 ? BytesText(variant.memory().peak_bytes()) : kMissing;
}

std::string GoalsCell(const VariantReport& variant, int) {
  return absl::StrJoin(variant.goals(), "<br>", [](std::string* out, const v1::GoalResult& goal) {
    absl::StrAppend(out, "<span class=", goal.met() ? "met" : "miss", " title=\"",
                    goal.note().empty() ? absl::StrFormat("measured: %.4g", goal.value())
                                        : EscapeHtml(goal.note()),
                    "\">", goal.met() ? "✓ " : "✗ ",
                    EscapeHtml(absl::StrReplaceAll(goal.goal(), {{"<=", " ≤ "}})), "</span>");
  });
}

// Columns that have nothing to show are left out.
std::vector<Column> Columns(const Report& report) {
  std::vector<Column> columns;
  const auto add_if = [&](const std::function<bool(const VariantReport&)>& has, Column column) {
    if (FindVariant(report, has) != nullptr) columns.push_back(std::move(column));
  };
  const auto always = [](const VariantReport&) { return true; };
  const auto has_accuracy = [](const VariantReport& v) { return v.has_accuracy(); };
  const auto has_top5 = [](const VariantReport& v) { return v.accuracy().top5() > 0; };
  const auto has_masks = [](const VariantReport& v) { return FindMasks(v) != nullptr; };
  const auto has_fed_masks = [](const VariantReport& v) {
    return FindMasks(v.recurrence()) != nullptr;
  };
  const auto has_errors = [](const VariantReport& v) { return FindErrors(v) != nullptr; };
  const auto has_fidelity = [](const VariantReport& v) { return v.has_fidelity(); };
  const auto has_latency = [](const VariantReport& v) { return v.has_latency(); };
  const auto has_memory = [](const VariantReport& v) { return v.memory().peak_bytes() > 0; };
  const auto has_goals = [](const VariantReport& v) { return v.goals_size() > 0; };
  add_if(always, {"bytes", "gzip", "of the .tflite file, and after gzip", &BytesCell});
  add_if(always, {"size", "", "against float32", &RatioCell});
  add_if(has_accuracy, {"top-1 %", "95 % interval", "how many of the largest outputs are the label",
                        &AccuracyCell});
  add_if(has_top5, {"top-5 %", "", "the label is among the five largest outputs", &Top5Cell});
  add_if(has_accuracy,
         {"drop", "points", "top-1 lost against float32, percentage points", &DropCell});
  add_if(has_masks, {"mIoU %", "95 % interval", "mean intersection over union with the targets",
                     [](const VariantReport& v, int) { return MaskCell(v); }});
  add_if(has_fed_masks, {"mIoU fed back", "95 % interval", "the same, fed with its own outputs",
                         [](const VariantReport& v, int) { return MaskCell(v.recurrence()); }});
  add_if(has_masks, {"drop", "points",
                     "mIoU lost against float32, percentage points; of both runs "
                     "the larger loss",
                     &MaskDropCell});
  add_if(has_errors, {"RMSE", "R²", "root mean square error against the targets", &ErrorCell});
  add_if(has_fidelity,
         {"SQNR dB", "cosine",
          "signal to quantization noise against float32's outputs; mean cosine", &SqnrCell});
  add_if(has_fidelity, {"agree %", "", "the same answer as float32", &AgreementCell});
  add_if(has_latency, {"p50 ms", "p90", "of single runs, one thread, batch 1", &LatencyCell});
  add_if(has_latency,
         {"latency", "", "median against float32's, measured in turn", &LatencyRatioCell});
  add_if(has_memory, {"memory", "", "of one executor", &MemoryCell});
  add_if(has_goals, {"goals", "", "what was asked for", &GoalsCell});
  return columns;
}

std::string OutcomeRow(const VariantReport& variant, size_t columns) {
  const bool failed = variant.state() == VariantReport::STATE_FAILED;
  return absl::StrCat(
      "<tr class=out><th>", EscapeHtml(variant.spec().name()),
      "</th><td class=\"left\" colspan=", columns, "><span class=", failed ? "miss" : "soft", ">",
      failed ? "failed" : "skipped", ":</span> ",
      EscapeHtml(failed ? variant.error().message() : variant.skip_reason()), "</td></tr>");
}

std::string VariantRow(const VariantReport& variant, const std::vector<Column>& columns, int colour,
                       bool is_best) {
  std::string out = absl::StrCat("<tr", is_best ? " class=best" : "", "><th><span class=\"sw k",
                                 colour, "\"></span>", EscapeHtml(variant.spec().name()),
                                 is_best ? "<span class=tag>recommended</span>" : "", "</th>");
  for (const Column& column : columns)
    absl::StrAppend(&out, "<td>", column.cell(variant, colour), "</td>");
  absl::StrAppend(&out, "</tr>");
  return out;
}

std::string Summary(const Report& report) {
  const std::vector<Column> columns = Columns(report);
  std::string out =
      "<h2>Variants</h2><div class=\"card scroll\"><table class=summary><thead><tr><th "
      "class=left>variant</th>";
  for (const Column& column : columns) {
    absl::StrAppend(&out, "<th title=\"", column.tooltip, "\">", column.heading,
                    *column.below != 0 ? absl::StrCat("<small>", column.below, "</small>") : "",
                    "</th>");
  }
  absl::StrAppend(&out, "</tr></thead><tbody>");
  const VariantReport* best = Recommended(report);
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    absl::StrAppend(&out, Succeeded(variant)
                              ? VariantRow(variant, columns, i % kNumColours, &variant == best)
                              : OutcomeRow(variant, columns.size()));
  }
  absl::StrAppend(&out, "</tbody></table></div>");
  if (FindVariant(report, [](const VariantReport& v) {
        return v.spec().scheme() == v1::SCHEME_FLOAT16 && v.has_latency();
      }) != nullptr) {
    absl::StrAppend(&out,
                    "<p class=\"small soft\" style=\"margin-top:8px\">float16 halves the file and "
                    "computes in float32 "
                    "on this processor: its latency and memory are float32's.</p>");
  }
  return out;
}

std::string Figure(const std::string& svg, const std::string& title, const std::string& about) {
  if (svg.empty()) return "";
  return absl::StrCat("<figure class=card><figcaption><h3>", title, "</h3><span>", about,
                      "</span></figcaption>", svg, "</figure>");
}

std::string Legend(const Report& report) {
  std::string out = "<ul class=legend>";
  for (int i = 0; i < report.variants_size(); ++i) {
    if (!Succeeded(report.variants(i))) continue;
    absl::StrAppend(&out, "<li><span class=\"sw k", i % kNumColours, "\"></span>",
                    EscapeHtml(report.variants(i).spec().name()), "</li>");
  }
  absl::StrAppend(&out, "</ul>");
  return out;
}

// What the plots' height means: accuracy where there are labels, else agreement with float32.
struct Quality {
  const char* axis;
  const char* name;
  const char* title;
  bool is_accuracy;
  bool is_masks = false;

  bool Of(const VariantReport& variant, ScatterPoint& point) const {
    if (is_masks) {
      const v1::Segmentation* masks = FindMasks(variant);
      if (masks != nullptr) point.y = 100 * masks->mean_iou();
      return masks != nullptr;
    }
    if (is_accuracy ? !variant.has_accuracy() : !variant.has_fidelity()) return false;
    point.y =
        100 * (is_accuracy ? variant.accuracy().top1() : variant.fidelity().argmax_agreement());
    return true;
  }
};

std::string Scatter(const Report& report, const Quality& quality, ScatterOptions options,
                    const std::function<double(const VariantReport&)>& x_of,
                    const std::function<std::string(const VariantReport&)>& x_text) {
  const VariantReport* float32 = FindVariant(report, &IsFloat32);
  if (quality.is_accuracy && float32 != nullptr) {
    options.band_low = 100 * float32->accuracy().top1_low();
    options.band_high = 100 * float32->accuracy().top1_high();
    options.band_text = "95 % interval of float32";
  }
  if (quality.is_masks && float32 != nullptr && FindMasks(*float32) != nullptr) {
    options.band_low = 100 * FindMasks(*float32)->mean_iou_low();
    options.band_high = 100 * FindMasks(*float32)->mean_iou_high();
    options.band_text = "95 % interval of float32";
  }
  std::vector<ScatterPoint> points;
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    ScatterPoint point;
    point.x = Succeeded(variant) ? x_of(variant) : 0;
    if (point.x <= 0 || !quality.Of(variant, point)) continue;
    point.label = variant.spec().name();
    point.tooltip =
        absl::StrFormat("%s: %s, %.2f %% %s", point.label, x_text(variant), point.y, quality.name);
    point.colour = i % kNumColours;
    point.is_marked = point.label == report.recommended_variant();
    points.push_back(std::move(point));
  }
  return ScatterChart(std::move(points), options);
}

std::string SizeFigure(const Report& report, const Quality& quality) {
  const std::string title = absl::StrCat(quality.title, " against size");
  const auto kilobytes = [](const VariantReport& v) {
    return static_cast<double>(v.artifact().size_bytes()) / 1000;
  };
  const auto text = [](const VariantReport& v) {
    return absl::StrCat(GroupedText(v.artifact().size_bytes()), " bytes");
  };
  return Figure(
      Scatter(report, quality, {title, "file size, KB", quality.axis}, kilobytes, text), title,
      "Up and left is better. The dashed line is the Pareto front; hollow points lie behind it.");
}

std::string LatencyFigure(const Report& report, const Quality& quality) {
  const std::string title = absl::StrCat(quality.title, " against latency");
  const auto milliseconds = [](const VariantReport& v) { return v.latency().p50_ms(); };
  const auto text = [](const VariantReport& v) {
    return absl::StrCat(MillisecondsText(v.latency().p50_ms()), " ms");
  };
  return Figure(
      Scatter(report, quality, {title, "median latency, ms", quality.axis}, milliseconds, text),
      title,
      quality.is_accuracy || quality.is_masks
          ? "Inside the band these examples cannot tell a variant from float32."
          : "Agreement: the same largest output as float32.");
}

std::string SamplesFigure(const Report& report) {
  std::vector<SampleRow> rows;
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    if (!Succeeded(variant) || variant.latency().samples_ms().empty()) continue;
    const v1::Latency& latency = variant.latency();
    rows.push_back(
        {variant.spec().name(),
         absl::StrCat(variant.spec().name(), ": p50 ", MillisecondsText(latency.p50_ms()), ", p90 ",
                      MillisecondsText(latency.p90_ms()), ", p99 ",
                      MillisecondsText(latency.p99_ms()), " ms of ", latency.samples_ms_size(),
                      " runs; ", latency.runtime()),
         {latency.samples_ms().begin(), latency.samples_ms().end()},
         i % kNumColours});
  }
  return Figure(
      SampleChart(rows, "Latency of single runs", "one run, ms"), "Latency of single runs",
      "Every counted run: box from first to third quartile, line at the median, whisker to p90.");
}

std::string ClassFigure(const Report& report) {
  const VariantReport* float32 = FindVariant(report, &IsFloat32);
  if (float32 == nullptr) return "";
  std::vector<ClassSeries> series;
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    if (&variant == float32 || !Succeeded(variant) || !variant.has_accuracy()) continue;
    series.push_back({variant.spec().name(), &variant.accuracy(), i % kNumColours});
  }
  return Figure(ClassChart(float32->accuracy(), series, "Change by class"), "Change by class",
                "How many of each class's examples are found, against float32 (its recall stands "
                "beside the class).");
}

Quality QualityOf(const Report& report) {
  if (HasAccuracy(report)) return {"top-1, %", "top-1", "Accuracy", true};
  const bool has_masks = FindVariant(report, [](const VariantReport& v) {
                           return FindMasks(v) != nullptr;
                         }) != nullptr;
  if (has_masks) return {"mIoU, %", "mIoU", "mIoU", false, true};
  return {"agreement with float32, %", "agreement", "Agreement", false};
}

std::string Plots(const Report& report) {
  const Quality quality = QualityOf(report);
  const std::string figures =
      absl::StrCat(SizeFigure(report, quality), LatencyFigure(report, quality),
                   SamplesFigure(report), ClassFigure(report));
  if (figures.empty()) return "";
  return absl::StrCat("<h2>What it costs</h2>", Legend(report), "<div class=plots>", figures,
                      "</div>");
}

// The variant whose mistakes are looked at: the recommended one, unless that is float32 itself.
const VariantReport* VariantToExamine(const Report& report) {
  const auto is_other = [](const VariantReport& variant) {
    return !IsFloat32(variant) && variant.has_accuracy();
  };
  const VariantReport* recommended = Recommended(report);
  return recommended != nullptr && is_other(*recommended) ? recommended
                                                          : FindVariant(report, is_other);
}

std::string Confusion(const Report& report) {
  const VariantReport* variant = VariantToExamine(report);
  const VariantReport* float32 = FindVariant(report, &IsFloat32);
  if (variant == nullptr) return "";
  const std::string name = EscapeHtml(variant->spec().name());
  const std::string counts =
      Figure(ConfusionChart(variant->accuracy(), nullptr, "Confusion matrix"),
             absl::StrCat("Confusion of ", name),
             "Examples of each true class (row) by what they are taken for (column).");
  if (counts.empty()) return "";
  const std::string change = float32 == nullptr || !float32->has_accuracy()
                                 ? ""
                                 : Figure(ConfusionChart(variant->accuracy(), &float32->accuracy(),
                                                         "Change of the confusion matrix"),
                                          absl::StrCat(name, " against float32"),
                                          "Examples more (+) or fewer (−). Green is better: more "
                                          "on the diagonal, fewer beside it.");
  return absl::StrCat("<h2>What is confused</h2><div class=plots>", counts, change, "</div>");
}

std::string BorderText(const VariantReport& variant) {
  const auto tensors = [](const auto& infos) {
    return absl::StrJoin(infos, ", ", [](std::string* out, const v1::TensorInfo& tensor) {
      *out += EscapeHtml(tensor.type());
      if (tensor.scale() != 0)
        absl::StrAppendFormat(out, " (scale %.6g, zero %d)", tensor.scale(), tensor.zero_point());
    });
  };
  return absl::StrCat(tensors(variant.inputs()), " → ", tensors(variant.outputs()));
}

std::string Artifacts(const Report& report) {
  std::string rows;
  for (const VariantReport& variant : report.variants()) {
    if (!Succeeded(variant)) continue;
    const double seconds =
        variant.quantize_seconds() + variant.evaluate_seconds() + variant.benchmark_seconds();
    absl::StrAppend(&rows, "<tr><th>", EscapeHtml(variant.artifact().file_name()), "</th><td>",
                    GroupedText(variant.artifact().size_bytes()), "</td><td class=left>",
                    BorderText(variant), "</td><td class=left>",
                    EscapeHtml(variant.latency().runtime()), "</td><td>",
                    absl::StrFormat("%.1f", seconds), "</td><td class=\"left mono wrap\">",
                    EscapeHtml(variant.artifact().digest()), "</td></tr>");
  }
  if (rows.empty()) return "";
  return absl::StrCat(
      "<h2>Files</h2><div class=\"card scroll\"><table><thead><tr><th "
      "class=left>file</th><th>bytes</th>"
      "<th class=left>takes → gives</th><th class=left>measured with</th><th>made in s</th><th "
      "class=left>SHA-256</th></tr></thead><tbody>",
      rows, "</tbody></table></div>");
}

// The colours as classes, so that one place knows them.
std::string ColourStyle() {
  std::string out;
  for (int i = 0; i < kNumColours; ++i) absl::StrAppend(&out, ".k", i, "{--c:var(--k", i, ")}");
  return out;
}

}  // namespace

std::string ReportHtml(const Report& report) {
  const std::string title = report.recommended_variant().empty()
                                ? "Octavo report"
                                : absl::StrCat(report.recommended_variant(), " · Octavo");
  return absl::StrCat(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width,initial-scale=1\"><title>",
      EscapeHtml(title), "</title><style>", kReportStyle, ColourStyle(),
      "</style></head><body><main>", Head(report), Summary(report), Plots(report),
      MetricsHtml(report, kNumColours), DriftHtml(report, kNumColours), Confusion(report),
      OperatorsHtml(report), Artifacts(report), "<h2>How it was made</h2>", ProvenanceHtml(report),
      "</main><footer>Octavo ", EscapeHtml(report.octavo_version()),
      ". Ratios are against the float32 variant. This page needs no "
      "network.</footer></body></html>\n");
}

}  // namespace octavo
