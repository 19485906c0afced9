#include "core/report/report_html.h"

#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/report/operators_html.h"
#include "core/report/provenance_html.h"
#include "core/report/report_builder.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/core/report/sample_report.h"

namespace octavo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::Report JudgedSample() {
  v1::Report report = SampleReport();
  JudgeReport(report);
  return report;
}

// The first thing wrong with the page's tags: unbalanced, or a quote left open. Empty: none.
std::string Malformation(const std::string& html) {
  static const std::set<std::string> kVoid = {"meta", "br", "img", "!doctype"};
  std::vector<std::string> open;
  for (size_t at = 0; at < html.size(); ++at) {
    if (html[at] == '>')
      return absl::StrCat("a '>' in text at ", at, ": ", html.substr(at < 40 ? 0 : at - 40, 80));
    if (html[at] != '<') continue;
    std::string tag;
    char quote = 0;
    size_t end = at + 1;
    for (; end < html.size() && (quote != 0 || html[end] != '>'); ++end) {
      if (html[end] == '"') quote = quote == 0 ? '"' : 0;
      if (html[end] == '<') return absl::StrCat("a '<' in a tag at ", end);
      tag += html[end];
    }
    if (end == html.size()) return "a tag without an end";
    at = end;
    const std::string name = tag.substr(0, tag.find_first_of(" \n/", 1));
    if (name == "style") {
      at = html.find("</style>", at) + 7;
    } else if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1))
        return absl::StrCat("</", tag.substr(1), "> closes ",
                            open.empty() ? "nothing" : open.back());
      open.pop_back();
    } else if (tag.back() != '/' && kVoid.count(name) == 0) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : absl::StrCat(open.back(), " is left open");
}

TEST(ReportHtml, IsWellFormed) {
  const std::string html = ReportHtml(JudgedSample());
  EXPECT_EQ(Malformation(html), "");
  // For looking at it.
  if (const char* path = std::getenv("OCTAVO_WRITE_REPORT")) std::ofstream(path) << html;
}

TEST(ReportHtml, NeedsNothingFromOutside) {
  const std::string html = ReportHtml(JudgedSample());
  for (const char* outside :
       {"http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
}

TEST(ReportHtml, ShowsTheVerdictTheTableAndThePlots) {
  const std::string html = ReportHtml(JudgedSample());
  for (const char* shown :
       {"dynamic-int8", "PARTIAL", "25,376", "97.84",
        "calibration example 3: tensor &#39;conv_2/Relu&#39; is not finite",
        "which no block size divides", "aria-label=\"Accuracy against size\"",
        "aria-label=\"Accuracy against latency\"", "aria-label=\"Latency of single runs\"",
        "aria-label=\"Change by class\"", "aria-label=\"Confusion matrix\"", "class=\"front\"",
        "5 of 5 operators quantized", "avx512vnni", "calib_images", "prefers-color-scheme:dark"}) {
    const bool unquoted = absl::StrContains(shown, "class=\"front\"");
    EXPECT_THAT(html, HasSubstr(unquoted ? "class=front" : shown));
  }
}

TEST(ReportHtml, EscapesWhatClientsWrote) {
  const std::string attack = "<script>alert(1)</script>\"'&";
  v1::Report report = JudgedSample();
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    variant.mutable_spec()->set_name(attack);
    variant.set_skip_reason(attack);
    variant.mutable_error()->set_message(attack);
    variant.mutable_artifact()->set_file_name(attack);
    variant.mutable_artifact()->set_digest(attack);
    variant.mutable_latency()->set_runtime(attack);
    for (v1::OperatorReport& op : *variant.mutable_operators()) {
      op.set_name(attack);
      op.set_note(attack);
      op.set_type(attack);
    }
    for (v1::TensorInfo& tensor : *variant.mutable_inputs()) tensor.set_type(attack);
    for (v1::GoalResult& goal : *variant.mutable_goals()) {
      goal.set_goal(attack);
      goal.set_note(attack);
    }
  }
  report.set_recommended_variant(attack);
  report.set_recommendation_reason(attack);
  report.set_octavo_version(attack);
  report.set_engine_build(attack);
  report.set_cpu_model(attack);
  report.set_cpu_class(attack);
  report.mutable_spec()->set_model(attack);
  report.mutable_spec()->mutable_preprocess(0)->set_input(attack);
  report.mutable_model()->set_digest(attack);
  report.mutable_model()->mutable_inputs(0)->set_name(attack);
  report.mutable_model()->mutable_operators(0)->set_name(attack);
  report.mutable_evaluation()->set_name(attack);
  report.mutable_evaluation()->set_labels(attack);
  report.mutable_evaluation()->mutable_bindings(0)->set_input(attack);
  report.mutable_evaluation()->mutable_bindings(0)->add_arrays(attack);
  v1::Warning& warning = *report.add_warnings();
  warning.set_reason(attack);
  warning.set_message(attack);
  const std::string html = ReportHtml(report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(Malformation(html), "");
}

TEST(ReportHtml, DrawsWhatThereIs) {
  // Every part may be missing: no labels, no latency, no variant but float32, nothing at all.
  EXPECT_EQ(Malformation(ReportHtml(v1::Report())), "");
  v1::Report report = SampleReport();
  report.mutable_spec()->clear_goals();
  for (v1::VariantReport& variant : *report.mutable_variants()) variant.clear_accuracy();
  JudgeReport(report);
  const std::string unlabelled = ReportHtml(report);
  EXPECT_EQ(Malformation(unlabelled), "");
  EXPECT_THAT(unlabelled, HasSubstr("aria-label=\"Agreement against size\""));
  EXPECT_THAT(unlabelled, Not(HasSubstr("top-1 %")));
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    variant.clear_latency();
    variant.clear_memory();
    variant.clear_fidelity();
  }
  JudgeReport(report);
  const std::string bare = ReportHtml(report);
  EXPECT_EQ(Malformation(bare), "");
  EXPECT_THAT(bare, Not(HasSubstr("<svg")));
}

TEST(ReportHtml, DrawsNoPlaceThatIsNoNumber) {
  v1::Report report = SampleReport();
  const double bad[] = {std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity(), -1, 0, 1e300};
  int i = 0;
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    if (variant.state() != v1::VariantReport::STATE_SUCCEEDED) continue;
    const double value = bad[i++ % 5];
    variant.mutable_accuracy()->set_top1(value);
    variant.mutable_latency()->set_p50_ms(value);
    variant.mutable_latency()->set_ratio(value);
    variant.mutable_latency()->set_samples_ms(0, static_cast<float>(value));
    variant.mutable_fidelity()->set_sqnr_db(value);
    variant.mutable_accuracy()->mutable_confusion()->Truncate(static_cast<int>(i));
  }
  JudgeReport(report);
  const std::string html = ReportHtml(report);
  EXPECT_EQ(Malformation(html), "");
  for (const char* place : {"x=nan", "x=inf", "y=nan", "cy=-nan", "Mnan", "Minf"})
    EXPECT_THAT(html, Not(HasSubstr(place)));
}

TEST(ReportHtml, StaysOfOneSizeForManyClassesAndVariants) {
  v1::Report report = SampleReport();
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    if (!variant.has_accuracy()) continue;
    variant.mutable_accuracy()->set_classes(100);
    variant.mutable_accuracy()->mutable_confusion()->Clear();
    for (int i = 0; i < 10000; ++i)
      variant.mutable_accuracy()->add_confusion(i % 101 == 0 ? 90 : i % 37 == 0 ? 2 : 0);
  }
  for (int i = 0; i < 23; ++i) {
    *report.add_variants() = SampleVariant(
        {absl::StrCat("kept-", i), v1::SCHEME_INT8, 30000 + i * 100, 0.97 + i * 1e-4, 40.0, 0.01});
  }
  JudgeReport(report);
  const std::string html = ReportHtml(report);
  EXPECT_EQ(Malformation(html), "");
  EXPECT_LT(html.size(), 2'000'000u);
}

// A variant of `count` operators with every figure.
v1::VariantReport Explained(int count, const std::string& name) {
  v1::VariantReport variant =
      SampleVariant({"int8", v1::SCHEME_INT8, 25360, 0.9784, 41.75, 0.0080});
  variant.clear_operators();
  for (int i = 0; i < count; ++i) {
    v1::OperatorReport& op = *variant.add_operators();
    op.set_index(i);
    op.set_type("CONV_2D");
    op.set_name(absl::StrCat(name, i));
    op.set_quantized(true);
    op.set_note("int8 per channel");
    op.set_sqnr_db(40 - i * 0.01);
    op.set_sqnr_alone_db(30 + (i * 7) % 20);
    op.set_sqnr_lost_db(0.5);
    op.set_range_min(-1);
    op.set_range_max(i);
    op.set_saturated(0.02);
    op.set_advice(absl::StrCat("keep it: --keep-float '", name, "'"));
  }
  v1::DelegateEstimate& delegate = *variant.mutable_delegate();
  delegate.set_parts(3);
  delegate.set_operators(count);
  delegate.set_delegated(count - 2);
  for (int i = 0; i < 2; ++i) {
    v1::UndelegatedOperator& op = *delegate.add_undelegated();
    op.set_type("SOFTMAX");
    op.set_name(name);
    op.set_why("no XNNPACK kernel of this kind in INT8");
    op.set_breaks(true);
  }
  v1::BackendComparison& backends = *variant.mutable_backends();
  backends.set_operators(count);
  backends.set_outputs_max_codes(3);
  v1::BackendDifference& difference = *backends.add_differences();
  difference.set_type("MEAN");
  difference.set_name(name);
  difference.set_max_codes(2);
  return variant;
}

TEST(ReportHtml, ExplainsOperatorByOperator) {
  v1::Report report = SampleReport();
  report.mutable_variants(0)->mutable_delegate()->set_parts(1);
  *report.mutable_variants(3) = Explained(30, "block/conv;bn");
  JudgeReport(report);
  const std::string html = ReportHtml(report);
  EXPECT_EQ(Malformation(html), "");
  for (const char* shown :
       {"aria-label=\"What int8 loses on the way\"", "class=trace", "The 10 operators that lose",
        "all 30 operators", "in 3 parts; between them run on plain kernels 2 SOFTMAX",
        "Of float32 it makes 1.", "float32 1, int8 3", "1 differs by more than one code",
        "at most 3 codes", "block/conv; …", "--keep-float"}) {
    EXPECT_THAT(html, HasSubstr(shown));
  }
}

TEST(DelegateSentence, DoesNotCountWhatIsNotListed) {
  v1::VariantReport variant;
  v1::DelegateEstimate& delegate = *variant.mutable_delegate();
  delegate.set_operators(2);
  for (int i = 0; i < 2; ++i) {
    v1::UndelegatedOperator& op = *delegate.add_undelegated();
    op.set_type("ADD");
    op.set_why("no XNNPACK kernel of this kind in INT16");
  }
  EXPECT_THAT(DelegateSentence(variant, nullptr), HasSubstr("none of its 2 operators: 2 ADD"));
  delegate.set_operators(90);
  EXPECT_THAT(DelegateSentence(variant, nullptr),
              HasSubstr("none of its 90 operators, among others 2 ADD"));
}

TEST(ReportHtml, PutsTheWorstOperatorFirst) {
  v1::Report report = SampleReport();
  *report.mutable_variants(3) = Explained(30, "layer_");
  report.mutable_variants(3)->mutable_operators(17)->set_sqnr_alone_db(2);
  const std::string html = ReportHtml(report);
  const size_t table = html.find("The 10 operators that lose");
  EXPECT_LT(html.find(">layer_17<", table), html.find(">layer_0<", table));
}

TEST(ReportHtml, EscapesWhatModelsName) {
  const std::string attack = "<script>alert(1)</script>\"'&";
  v1::Report report = SampleReport();
  v1::VariantReport& variant = *report.mutable_variants(3);
  variant = Explained(12, attack);
  variant.mutable_backends()->mutable_differences(0)->set_type(attack);
  for (auto& op : *variant.mutable_delegate()->mutable_undelegated()) {
    op.set_type(attack);
    op.set_why(attack);
  }
  for (auto& op : *variant.mutable_operators()) op.set_type(attack);
  const std::string html = ReportHtml(report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_EQ(Malformation(html), "");
}

TEST(ReportHtml, StaysReadableForAHugeModel) {
  v1::Report report = SampleReport();
  report.clear_variants();
  const v1::VariantReport huge = Explained(5000, std::string(150, 'x'));
  for (int i = 0; i < 32; ++i) {
    *report.add_variants() = huge;
    report.mutable_variants(i)->mutable_spec()->set_name(absl::StrCat("int8-", i));
  }
  const std::string html = ReportHtml(report);
  EXPECT_EQ(Malformation(html), "");
  EXPECT_THAT(html, HasSubstr("more, which report.json has"));
  EXPECT_LT(html.size(), 6'000'000u);
}

TEST(ReportHtml, DrawsNoOperatorThatIsNoNumber) {
  v1::Report report = SampleReport();
  v1::VariantReport& variant = *report.mutable_variants(3);
  variant = Explained(12, "layer");
  const double bad[] = {std::numeric_limits<double>::quiet_NaN(),
                        std::numeric_limits<double>::infinity(),
                        -std::numeric_limits<double>::infinity(), 1e300, -1e300};
  for (int i = 0; i < 10; ++i) {
    variant.mutable_operators(i)->set_sqnr_db(bad[i % 5]);
    variant.mutable_operators(i)->set_sqnr_alone_db(bad[(i + 1) % 5]);
    variant.mutable_operators(i)->set_sqnr_lost_db(bad[(i + 2) % 5]);
  }
  const std::string html = ReportHtml(report);
  EXPECT_EQ(Malformation(html), "");
  for (const char* place : {"cx=nan", "cy=nan", "cy=-nan", "cy=inf", "Lnan", "Linf", "Mnan"})
    EXPECT_THAT(html, Not(HasSubstr(place)));
}

TEST(PreprocessText, SaysTheStepsInOrder) {
  v1::Preprocess preprocess;
  EXPECT_EQ(PreprocessText(preprocess), "as they come");
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "channel_order: CHANNEL_ORDER_BGR resize { height: 28 width: 30 } repeat { height: 8 "
      "channels: 3 } "
      "scale: [0.5, 1] offset: -1",
      &preprocess));
  EXPECT_EQ(PreprocessText(preprocess),
            "channels swapped to BGR; resized to 28 × 30 (bilinear); pixels repeated 8 × 1, "
            "channels × 3; × 0.5, 1; + -1");
}

// A net of masks, fed with its own, and a name that no page may take for a tag.
v1::Report MaskReport() {
  v1::Report report = SampleReport();
  for (v1::VariantReport& variant : *report.mutable_variants()) {
    if (variant.state() != v1::VariantReport::STATE_SUCCEEDED) continue;
    const auto add = [](auto& run, double mean_iou) {
      v1::MetricReport& metric = *run.add_metrics();
      metric.set_output("<script>");
      metric.set_targets("masks");
      v1::Segmentation& masks = *metric.mutable_segmentation();
      masks.set_mean_iou(mean_iou);
      masks.add_classes()->set_target_places(3);
      masks.add_pictures()->set_png("picture");
    };
    variant.clear_accuracy();
    add(variant, 0.96);
    add(*variant.mutable_recurrence(), 0.93);
    variant.add_metrics()->mutable_regression()->set_root_mean_square_error(0.25);
    for (int step = 0; step < 3; ++step) {
      v1::DriftPoint& point = *variant.mutable_recurrence()->add_drift();
      point.set_step(step);
      point.set_sqnr_db(step == 1 ? std::numeric_limits<double>::infinity() : 30 - step);
      point.set_agreement(0.99);
    }
    v1::OutputFidelity& output = *variant.mutable_fidelity()->add_outputs();
    output.set_output("scores");
  }
  JudgeReport(report);
  return report;
}

TEST(ReportHtml, ShowsMetricsDriftAndMasks) {
  const std::string html = ReportHtml(MaskReport());
  EXPECT_EQ(Malformation(html), "");
  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  for (const char* shown :
       {"96.00", "93.00", "mIoU fed back", "Output by output", "Noise over time", "RMSE",
        "Masks side by side", "src=\"data:image/png;base64,cGljdHVyZQ==\""}) {
    EXPECT_THAT(html, HasSubstr(shown));
  }
  for (const char* no_place : {"Linf", "Minf", "=inf", " inf\""}) {
    EXPECT_THAT(html, Not(HasSubstr(no_place)));
  }
  EXPECT_THAT(ReportHtml(JudgedSample()), Not(HasSubstr("over time")));
}

}  // namespace
}  // namespace octavo
