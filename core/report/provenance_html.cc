#include "core/report/provenance_html.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "core/report/html_text.h"
#include "core/report/number_text.h"
#include "google/protobuf/text_format.h"

namespace octavo {
namespace {

std::string ShapeText(const google::protobuf::RepeatedField<int32_t>& shape) {
  return absl::StrCat("[",
                      absl::StrJoin(shape, ", ",
                                    [](std::string* out, int32_t size) {
                                      absl::StrAppend(out, size < 0 ? "any" : absl::StrCat(size));
                                    }),
                      "]");
}

std::string TensorText(const v1::TensorInfo& tensor) {
  return absl::StrCat("<code>", EscapeHtml(tensor.name()), "</code> ", EscapeHtml(tensor.type()),
                      " ", ShapeText(tensor.shape()));
}

template <typename Tensors>
std::string TensorsText(const Tensors& tensors) {
  return absl::StrJoin(tensors, "<br>", [](std::string* out, const v1::TensorInfo& tensor) {
    *out += TensorText(tensor);
  });
}

std::string DigestText(const std::string& digest) {
  return digest.empty() ? "" : absl::StrCat("<code>", EscapeHtml(digest), "</code>");
}

std::string OperatorsText(const v1::ModelInfo& model) {
  return absl::StrJoin(model.operators(), ", ",
                       [](std::string* out, const v1::OperatorCount& count) {
                         absl::StrAppend(out, EscapeHtml(count.name()));
                         if (count.count() > 1) absl::StrAppend(out, " × ", count.count());
                       });
}

std::string DatasetText(const v1::DatasetUsed& used) {
  std::vector<std::string> lines;
  if (!used.name().empty()) lines.push_back(EscapeHtml(used.name()));
  std::string examples = absl::StrCat(GroupedText(used.examples()), " examples");
  if (!used.labels().empty())
    absl::StrAppend(&examples, ", labels <code>", EscapeHtml(used.labels()), "</code>");
  lines.push_back(examples);
  for (const v1::ArrayBinding& binding : used.bindings()) {
    lines.push_back(absl::StrCat("<code>", EscapeHtml(binding.input()), "</code> ← <code>",
                                 EscapeHtml(absl::StrJoin(binding.arrays(), " + ")), "</code>"));
  }
  if (!used.digest().empty()) lines.push_back(DigestText(used.digest()));
  return absl::StrJoin(lines, "<br>");
}

std::string PreprocessLines(const v1::OptimizeSpec& spec) {
  if (spec.preprocess().empty()) return "none: the arrays' values as they are";
  return absl::StrJoin(
      spec.preprocess(), "<br>", [](std::string* out, const v1::Preprocess& preprocess) {
        absl::StrAppend(out,
                        preprocess.input().empty()
                            ? ""
                            : absl::StrCat("<code>", EscapeHtml(preprocess.input()), "</code>: "),
                        EscapeHtml(PreprocessText(preprocess)));
      });
}

std::string GoalsText(const v1::Goals& goals) {
  std::vector<std::string> parts;
  if (goals.has_max_drop_points())
    parts.push_back(absl::StrCat("drop at most ", goals.max_drop_points(), " points"));
  if (goals.has_max_size_ratio())
    parts.push_back(absl::StrCat("size at most ", goals.max_size_ratio(), "×"));
  if (goals.has_max_latency_ratio())
    parts.push_back(absl::StrCat("latency at most ", goals.max_latency_ratio(), "×"));
  return parts.empty() ? "none" : absl::StrJoin(parts, ", ");
}

std::string CpuText(const v1::Report& report) {
  std::vector<std::string> parts;
  if (!report.cpu_model().empty()) parts.push_back(EscapeHtml(report.cpu_model()));
  if (!report.cpu_class().empty())
    parts.push_back(absl::StrCat("class <code>", EscapeHtml(report.cpu_class()), "</code>"));
  return absl::StrJoin(parts, "<br>");
}

std::string CostText(const v1::Report& report) {
  if (report.wall_seconds() <= 0) return "";
  std::string text = absl::StrFormat("%.1f s", report.wall_seconds());
  if (report.cpu_seconds() > 0)
    absl::StrAppendFormat(&text, ", %.1f s of CPU", report.cpu_seconds());
  if (report.peak_memory_bytes() > 0)
    absl::StrAppend(&text, ", ", BytesText(report.peak_memory_bytes()), " of memory at most");
  return text;
}

std::string TimeText(const v1::Report& report) {
  if (!report.has_create_time()) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC",
                          absl::FromUnixSeconds(report.create_time().seconds()),
                          absl::UTCTimeZone());
}

std::string SpecText(const v1::OptimizeSpec& spec) {
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  printer.PrintToString(spec, &text);
  return text;
}

void AddRow(const char* term, const std::string& description, std::string& out) {
  if (!description.empty()) absl::StrAppend(&out, "<dt>", term, "</dt><dd>", description, "</dd>");
}

std::string BackendText(v1::Backend backend) {
  switch (backend) {
    case v1::BACKEND_REFERENCE:
      return "own reference kernels; latency with XNNPACK";
    case v1::BACKEND_BOTH:
      return "XNNPACK, and own reference kernels beside it";
    default:
      return "";
  }
}

std::string ObserverText(v1::ObserverKind observer) {
  switch (observer) {
    case v1::OBSERVER_KIND_MOVING_AVERAGE:
      return "moving average of smallest and largest";
    case v1::OBSERVER_KIND_PERCENTILE:
      return "without the outermost 0.01 % of the values";
    case v1::OBSERVER_KIND_MEAN_SQUARED_ERROR:
      return "of the least mean-squared error";
    case v1::OBSERVER_KIND_ENTROPY:
      return "of the least divergence (entropy)";
    case v1::OBSERVER_KIND_AUTO:
      return "what served best on a fifth of the set, held back";
    default:
      return "smallest to largest";
  }
}

}  // namespace

std::string PreprocessText(const v1::Preprocess& preprocess) {
  std::vector<std::string> steps;
  if (preprocess.channel_order() == v1::CHANNEL_ORDER_BGR)
    steps.push_back("channels swapped to BGR");
  if (preprocess.has_resize()) {
    const v1::Resize& resize = preprocess.resize();
    steps.push_back(
        absl::StrCat("resized to ", resize.height(), " × ", resize.width(), " (",
                     resize.method() == v1::RESIZE_METHOD_NEAREST ? "nearest" : "bilinear", ")"));
  }
  const auto or_one = [](int32_t value) { return value == 0 ? 1 : value; };
  const v1::Repeat& repeat = preprocess.repeat();
  if (preprocess.has_repeat()) {
    steps.push_back(absl::StrCat(
        "pixels repeated ", or_one(repeat.height()), " × ", or_one(repeat.width()),
        repeat.channels() == 0 ? "" : absl::StrCat(", channels × ", repeat.channels())));
  }
  if (!preprocess.scale().empty())
    steps.push_back(absl::StrCat("× ", absl::StrJoin(preprocess.scale(), ", ")));
  if (!preprocess.offset().empty())
    steps.push_back(absl::StrCat("+ ", absl::StrJoin(preprocess.offset(), ", ")));
  return steps.empty() ? "as they come" : absl::StrJoin(steps, "; ");
}

std::string ProvenanceHtml(const v1::Report& report) {
  const v1::ModelInfo& model = report.model();
  std::string out = "<div class=card><dl>";
  AddRow("Model", DigestText(model.digest()), out);
  AddRow("Parameters",
         model.parameters() == 0
             ? ""
             : absl::StrCat(GroupedText(model.parameters()), " in ", BytesText(model.size_bytes())),
         out);
  AddRow("Inputs", TensorsText(model.inputs()), out);
  AddRow("Outputs", TensorsText(model.outputs()), out);
  AddRow("Operators", OperatorsText(model), out);
  AddRow("Calibrated on", report.has_calibration() ? DatasetText(report.calibration()) : "", out);
  AddRow("Statistics", report.calibration_cached() ? "taken over from an earlier run" : "", out);
  AddRow("Ranges", report.has_calibration() ? ObserverText(report.spec().observer()) : "", out);
  AddRow("Evaluated on", report.has_evaluation() ? DatasetText(report.evaluation()) : "", out);
  AddRow("Evaluated with", BackendText(report.spec().backend()), out);
  AddRow("Preprocessing", PreprocessLines(report.spec()), out);
  AddRow("Goals", GoalsText(report.spec().goals()), out);
  AddRow("Made by",
         report.octavo_version().empty()
             ? ""
             : absl::StrCat("Octavo ", EscapeHtml(report.octavo_version())),
         out);
  AddRow("Engine build", DigestText(report.engine_build()), out);
  AddRow("Processor", CpuText(report), out);
  AddRow("Made at", TimeText(report), out);
  AddRow("It took", CostText(report), out);
  absl::StrAppend(&out, "</dl><details><summary>The whole request</summary><div class=inside><pre>",
                  EscapeHtml(SpecText(report.spec())), "</pre></div></details></div>");
  return out;
}

}  // namespace octavo
