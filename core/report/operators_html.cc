#include "core/report/operators_html.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/report/html_text.h"
#include "core/report/number_text.h"
#include "core/report/operator_chart.h"
#include "core/report/report_style.h"

namespace octavo {
namespace {

using v1::OperatorReport;
using v1::VariantReport;

constexpr char kMissing[] = "<span class=soft>–</span>";
constexpr int kWorst = 10;
constexpr int kFewestRows = 50;
// Of a name; report.json has it whole.
constexpr size_t kMaxNameBytes = 160;
constexpr size_t kMaxReasons = 3;

// Cut between characters.
std::string Cut(const std::string& text) {
  if (text.size() <= kMaxNameBytes) return text;
  size_t end = kMaxNameBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

bool Succeeded(const VariantReport& variant) {
  return variant.state() == VariantReport::STATE_SUCCEEDED;
}

const VariantReport* Float32Of(const v1::Report& report) {
  for (const VariantReport& variant : report.variants()) {
    if (Succeeded(variant) && variant.spec().scheme() == v1::SCHEME_FLOAT32) return &variant;
  }
  return nullptr;
}

std::string Plural(int count, const char* word) {
  return absl::StrCat(count, " ", word, count == 1 ? "" : "s");
}

// Delegates.

// "16 DEPTHWISE_CONV_2D (XNNPACK has none of …)", the most frequent first.
std::string ReasonsOf(const v1::DelegateEstimate& estimate, bool breaks_only) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const v1::UndelegatedOperator& op : estimate.undelegated()) {
    if (op.breaks() || !breaks_only) ++counts[{op.type(), op.why()}];
  }
  std::vector<std::pair<int, std::string>> reasons;
  for (const auto& [kind, count] : counts) {
    reasons.emplace_back(count, absl::StrCat(count, " ", Cut(kind.first), " (", kind.second, ")"));
  }
  std::stable_sort(reasons.begin(), reasons.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const bool is_cut = reasons.size() > kMaxReasons;
  if (is_cut) reasons.resize(kMaxReasons);
  return absl::StrCat(absl::StrJoin(reasons, ", ",
                                    [](std::string* out, const auto& reason) {
                                      absl::StrAppend(out, reason.second);
                                    }),
                      is_cut ? " and others" : "");
}

// Why it may be slower than the float32 variant; empty: no reason is known.
std::string SlowerText(const v1::DelegateEstimate& estimate, const VariantReport* float32) {
  if (float32 == nullptr || !float32->has_delegate()) return "";
  const v1::DelegateEstimate& reference = float32->delegate();
  if (estimate.parts() == 0 && reference.parts() > 0) {
    return " It may be far slower than float32 there, although its numbers are smaller.";
  }
  if (estimate.parts() <= reference.parts()) return "";
  return absl::StrCat(
      " Of float32 it makes ", reference.parts(),
      ". Each way out of a part and back costs time, and plain kernels are slower: this variant "
      "may be slower than float32 there, although its numbers are smaller.");
}

}  // namespace

std::string DelegateSentence(const VariantReport& variant, const VariantReport* float32) {
  if (!variant.has_delegate()) return "";
  const v1::DelegateEstimate& estimate = variant.delegate();
  constexpr char kDelegate[] = "LiteRT's XNNPACK delegate probably takes ";
  const int left = estimate.operators() - estimate.delegated();
  // Not all of them are listed, so what is counted there are not all of their kind.
  const bool is_cut = left > estimate.undelegated_size();
  if (left == 0) {
    return estimate.parts() <= 1
               ? absl::StrCat(kDelegate, "it whole, in one part.")
               : absl::StrCat(kDelegate, "all of it, in ", estimate.parts(), " parts.");
  }
  if (estimate.parts() == 0) {
    return absl::StrCat(kDelegate, "none of its ", Plural(estimate.operators(), "operator"),
                        is_cut ? ", among others " : ": ",
                        ReasonsOf(estimate, /*breaks_only=*/false), ". They run on plain kernels.",
                        SlowerText(estimate, float32));
  }
  const bool is_broken = estimate.parts() > 1;
  return absl::StrCat(
      kDelegate, estimate.delegated(), " of its ", Plural(estimate.operators(), "operator"), " in ",
      Plural(estimate.parts(), "part"),
      is_broken ? "; between them run on plain kernels " : "; on plain kernels run ",
      is_cut ? "among others " : "", ReasonsOf(estimate, is_broken), ".",
      SlowerText(estimate, float32));
}

namespace {

// Backends.

std::string DifferencesTable(const v1::BackendComparison& backends) {
  std::string rows;
  for (int i = 0; i < backends.differences_size() && i < kWorst; ++i) {
    const v1::BackendDifference& op = backends.differences(i);
    absl::StrAppend(&rows, "<tr><td>", op.index(), "</td><td class=left>", EscapeHtml(op.type()),
                    "</td><td>", op.max_codes(), "</td><td>", PercentText(op.share()),
                    "</td><td class=\"left mono wrap\">", EscapeHtml(Cut(op.name())), "</td></tr>");
  }
  return absl::StrCat(
      "<div class=scroll><table><thead><tr><th>#</th><th class=left>operator</th>"
      "<th>most codes</th><th>% above one</th><th class=left>output</th></tr>"
      "</thead><tbody>",
      rows, "</tbody></table></div>");
}

std::string OutputsText(const v1::BackendComparison& backends) {
  std::string text = absl::StrCat("At the outputs the difference is ",
                                  DecibelText(backends.outputs_sqnr_db()), " dB below the signal");
  if (backends.outputs_max_codes() >= 0) {
    absl::StrAppend(&text, " and at most ", Plural(backends.outputs_max_codes(), "code"));
  }
  return absl::StrCat(text, ".");
}

std::string BackendsText(const VariantReport& variant) {
  if (!variant.has_backends()) return "";
  const v1::BackendComparison& backends = variant.backends();
  const v1::Fidelity& reference = backends.reference_fidelity();
  std::string text = absl::StrCat("On own reference kernels instead of XNNPACK its outputs are at ",
                                  DecibelText(reference.sqnr_db()), " dB (",
                                  DecibelText(variant.fidelity().sqnr_db()),
                                  " on XNNPACK), with the same largest output as float32 in ",
                                  PercentText(reference.argmax_agreement()), " %");
  if (backends.has_reference_accuracy()) {
    absl::StrAppend(&text, ", top-1 ", PercentText(backends.reference_accuracy().top1()), " %");
  }
  absl::StrAppend(&text, ". ", OutputsText(backends));
  if (backends.operators() > 0) {
    absl::StrAppend(
        &text, " Of ", Plural(backends.operators(), "integer operator"), " given the same inputs, ",
        backends.differences().empty() ? "none" : absl::StrCat(backends.differences_size()),
        backends.differences_size() > 1 ? " differ" : " differs", " by more than one code.");
  }
  return absl::StrCat("<p>", text, "</p>",
                      backends.differences().empty() ? "" : DifferencesTable(backends));
}

// Operators.

std::string Decibel(bool is_there, double decibel) {
  return is_there ? DecibelText(decibel) : kMissing;
}

// A fused operator's name is those of all that were fused, joined by ';': the first will do.
std::string NameCell(const std::string& name) {
  const size_t end = name.find(';');
  const bool is_cut = end != std::string::npos;
  return absl::StrCat(
      "<small class=mono", is_cut ? absl::StrCat(" title=\"", EscapeHtml(Cut(name)), "\"") : "",
      ">", EscapeHtml(Cut(is_cut ? name.substr(0, end) : name)), is_cut ? "; …" : "", "</small>");
}

// The flag in it with its long name on lines of its own.
std::string AdviceCell(const std::string& advice) {
  const size_t flag = advice.find("--keep-float");
  if (flag == std::string::npos) return EscapeHtml(advice);
  return absl::StrCat(EscapeHtml(advice.substr(0, flag)), "<small class=mono>",
                      EscapeHtml(advice.substr(flag)), "</small>");
}

std::string OperatorRow(const OperatorReport& op) {
  const bool is_compared = op.has_sqnr_db();
  return absl::StrCat(
      "<tr><td>", op.index(), "</td><td class=\"left wrap\">", EscapeHtml(op.type()),
      NameCell(op.name()),
      "</td><td class=\"left wrap stored\"><span class=", op.quantized() ? "met" : "soft", ">",
      op.quantized() ? "quantized" : "float", "</span><small>", EscapeHtml(Cut(op.note())),
      "</small></td><td>", Decibel(op.has_sqnr_alone_db(), op.sqnr_alone_db()), "</td><td>",
      Decibel(is_compared, op.sqnr_db()), "</td><td>",
      op.has_sqnr_lost_db() ? SignedText(-op.sqnr_lost_db()) : kMissing, "</td><td>",
      Decibel(op.has_weights_sqnr_db(), op.weights_sqnr_db()), "</td><td>",
      is_compared ? absl::StrFormat("%.4g … %.4g", op.range_min(), op.range_max()) : kMissing,
      "</td><td>", op.saturated() > 0 ? absl::StrFormat("%.3g", 100 * op.saturated()) : kMissing,
      "</td><td class=\"left wrap advice\">", AdviceCell(op.advice()), "</td></tr>");
}

std::string OperatorTable(const std::vector<const OperatorReport*>& operators) {
  std::string out =
      "<div class=scroll><table class=operators><thead><tr><th>#</th><th "
      "class=left>operator<small>output</small></th><th class=left>stored as<small>why</small>"
      "</th><th title=\"of its output, with float32's values at its inputs\">alone<small>SQNR "
      "dB</small></th><th title=\"of its output, all errors before it included\">in "
      "place<small>SQNR dB</small></th><th title=\"against the worst of its inputs\">"
      "change<small>dB</small></th><th>weights<small>SQNR dB</small></th><th>range<small>in "
      "float32</small></th><th title=\"of its values, outside of the range that was chosen\">"
      "outside<small>%</small></th><th class=left>what to try</th></tr></thead><tbody>";
  for (const OperatorReport* op : operators) absl::StrAppend(&out, OperatorRow(*op));
  return absl::StrCat(out, "</tbody></table></div>");
}

// What an operator costs, the less the worse.
double LossOf(const OperatorReport& op) {
  if (op.has_sqnr_alone_db() && !std::isnan(op.sqnr_alone_db())) return op.sqnr_alone_db();
  return std::numeric_limits<double>::infinity();
}

double LostOf(const OperatorReport& op) {
  return std::isfinite(op.sqnr_lost_db()) ? op.sqnr_lost_db() : 0;
}

bool HasFigures(const VariantReport& variant) {
  return std::any_of(variant.operators().begin(), variant.operators().end(),
                     [](const OperatorReport& op) { return op.has_sqnr_db(); });
}

std::vector<const OperatorReport*> Pointers(const VariantReport& variant, size_t count) {
  std::vector<const OperatorReport*> operators;
  for (const OperatorReport& op : variant.operators()) {
    if (operators.size() < count) operators.push_back(&op);
  }
  return operators;
}

// By what each loses alone, then by what is lost from it on.
std::vector<const OperatorReport*> WorstOf(const VariantReport& variant) {
  auto operators = Pointers(variant, std::numeric_limits<size_t>::max());
  std::stable_sort(operators.begin(), operators.end(),
                   [](const OperatorReport* a, const OperatorReport* b) {
                     return std::pair(LossOf(*a), -LostOf(*a)) < std::pair(LossOf(*b), -LostOf(*b));
                   });
  if (operators.size() > kWorst) operators.resize(kWorst);
  return operators;
}

std::string Chart(const VariantReport& variant, int colour) {
  std::vector<OperatorPoint> points;
  for (const OperatorReport& op : variant.operators()) {
    OperatorPoint& point = points.emplace_back();
    if (op.has_sqnr_db()) point.sqnr_db = op.sqnr_db();
    if (op.has_sqnr_alone_db()) point.alone_db = op.sqnr_alone_db();
    point.tooltip = absl::StrCat(op.index(), " ", op.type(), ": ", DecibelText(op.sqnr_alone_db()),
                                 " dB alone");
    if (op.has_sqnr_db()) {
      absl::StrAppend(&point.tooltip, ", ", DecibelText(op.sqnr_db()), " in place");
    }
  }
  const std::string title = absl::StrCat("What ", variant.spec().name(), " loses on the way");
  const std::string svg = OperatorChart(points, colour, title);
  if (svg.empty()) return "";
  return absl::StrCat("<figure class=loss><figcaption><h3>", EscapeHtml(title),
                      "</h3><span>Line: the signal over the noise after each operator, in place. "
                      "Dots: each operator alone, given float32's values. Up is better.</span>"
                      "</figcaption>",
                      svg, "</figure>");
}

std::string AllOperators(const VariantReport& variant, int max_rows, bool is_folded) {
  const auto rows = Pointers(variant, static_cast<size_t>(max_rows));
  const int left = variant.operators_size() - static_cast<int>(rows.size());
  const std::string more =
      left == 0 ? ""
                : absl::StrCat("<p class=\"inside soft small\">and ", GroupedText(left),
                               " more, which report.json has.</p>");
  const std::string table = absl::StrCat(OperatorTable(rows), more);
  if (!is_folded) return table;
  return absl::StrCat("<details><summary>all ", GroupedText(variant.operators_size()),
                      " operators<span>in the model's order</span></summary>", table, "</details>");
}

std::string Section(const VariantReport& variant, int colour, const VariantReport* float32,
                    int max_rows) {
  const auto quantized = std::count_if(variant.operators().begin(), variant.operators().end(),
                                       [](const OperatorReport& op) { return op.quantized(); });
  const std::string delegate = DelegateSentence(variant, float32);
  const std::string about =
      absl::StrCat(delegate.empty() ? "" : absl::StrCat("<p>", EscapeHtml(delegate), "</p>"),
                   BackendsText(variant));
  const bool has_figures = HasFigures(variant);
  std::string out =
      absl::StrCat("<details><summary>", EscapeHtml(variant.spec().name()), "<span>", quantized,
                   " of ", variant.operators_size(), " operators quantized</span></summary>",
                   about.empty() ? "" : absl::StrCat("<div class=inside>", about, "</div>"),
                   has_figures ? Chart(variant, colour) : "");
  if (has_figures) {
    if (variant.operators_size() > kWorst) {
      absl::StrAppend(&out, "<p class=\"inside worst\">The ", kWorst,
                      " operators that lose most alone, the worst first:</p>");
    }
    absl::StrAppend(&out, OperatorTable(WorstOf(variant)));
  }
  if (!has_figures || variant.operators_size() > kWorst) {
    absl::StrAppend(&out, AllOperators(variant, max_rows, has_figures));
  }
  return absl::StrCat(out, "</details>");
}

// How the variants' parts differ, where they do.
std::string PartsLead(const v1::Report& report) {
  std::vector<std::string> texts;
  bool all_alike = true;
  int first = -1;
  for (const VariantReport& variant : report.variants()) {
    if (!Succeeded(variant) || !variant.has_delegate()) continue;
    const int parts = variant.delegate().parts();
    if (first < 0) first = parts;
    all_alike = all_alike && parts == first;
    texts.push_back(absl::StrCat(EscapeHtml(variant.spec().name()), " ", parts));
  }
  if (all_alike) return "";
  return absl::StrCat(
      "<p class=lead>Parts that LiteRT's XNNPACK delegate probably makes of each: ",
      absl::StrJoin(texts, ", "),
      ". More than float32 has, or none, is why a smaller variant can be slower there.</p>");
}

}  // namespace

std::string OperatorsHtml(const v1::Report& report) {
  const VariantReport* float32 = Float32Of(report);
  const auto made = std::count_if(report.variants().begin(), report.variants().end(), &Succeeded);
  const int max_rows =
      std::max(kFewestRows, kMaxOperatorRows / static_cast<int>(std::max<int64_t>(made, 1)));
  std::string out;
  for (int i = 0; i < report.variants_size(); ++i) {
    const VariantReport& variant = report.variants(i);
    if (!Succeeded(variant) || variant.operators().empty()) continue;
    absl::StrAppend(&out, Section(variant, i % kNumColours, float32, max_rows));
  }
  if (out.empty()) return "";
  return absl::StrCat("<h2>Operator by operator</h2>", PartsLead(report), "<div class=card>", out,
                      "</div>");
}

}  // namespace octavo
