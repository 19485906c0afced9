#include "core/engine/optimize.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/calibrate/calibrate.h"
#include "core/calibrate/statistics_checks.h"
#include "core/engine/artifact_folder.h"
#include "core/engine/choose_observer.h"
#include "core/engine/describe_model.h"
#include "core/engine/explain.h"
#include "core/engine/gather_statistics.h"
#include "core/engine/host_pause.h"
#include "core/engine/prepare.h"
#include "core/engine/process_memory.h"
#include "core/engine/valid_utf8.h"
#include "core/evaluate/evaluate.h"
#include "core/evaluate/latency.h"
#include "core/evaluate/set_checks.h"
#include "core/graph/fix_shapes.h"
#include "core/quantize/apply_plan.h"
#include "core/quantize/change_io.h"
#include "core/quantize/plan_quantization.h"
#include "core/quantize/rounding.h"
#include "core/report/report_builder.h"
#include "core/report/report_html.h"
#include "core/report/report_json.h"
#include "core/tflite/learned_params.h"
#include "core/tflite/model_reader.h"
#include "core/tflite/model_writer.h"
#include "core/tflite/operator_table.h"
#include "google/rpc/status.pb.h"

namespace octavo {
namespace {

double CpuSeconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) { return time.tv_sec + time.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

v1::Report BeginReport(const Prepared& prepared, const EngineIdentity& identity) {
  v1::Report report;
  report.mutable_create_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  report.set_octavo_version(identity.version);
  report.set_engine_build(identity.build);
  report.set_cpu_class(identity.cpu_class);
  report.set_cpu_model(identity.cpu_model);
  *report.mutable_model() = prepared.model_info;
  if (prepared.calibration.has_value()) *report.mutable_calibration() = prepared.calibration->used;
  if (prepared.evaluation.has_value()) *report.mutable_evaluation() = prepared.evaluation->used;
  *report.mutable_spec() = prepared.spec;
  for (const v1::Warning& warning : prepared.warnings) *report.add_warnings() = warning;
  return report;
}

v1::VariantReport Skipped(const v1::VariantSpec& spec, absl::string_view reason) {
  v1::VariantReport report;
  *report.mutable_spec() = spec;
  report.set_state(v1::VariantReport::STATE_SKIPPED);
  report.set_skip_reason(std::string(reason));
  return report;
}

v1::VariantReport Failed(const v1::VariantSpec& spec, const absl::Status& status) {
  v1::VariantReport report;
  *report.mutable_spec() = spec;
  report.set_state(v1::VariantReport::STATE_FAILED);
  *report.mutable_error() = ToRpcStatus(status);
  return report;
}

// What storing an operator's weights costs; an infinite ratio is left out too: it costs nothing.
void ReportWeights(const Model& model, const QuantPlan& plan, int i, v1::OperatorReport& report) {
  const schema::OperatorT& op = *model.graph().operators[i];
  const OperatorRow* row = FindOperator(model.OperatorType(op));
  if (row == nullptr || row->weights_input < 0) return;
  const auto stored = plan.constants.find({i, row->weights_input});
  if (stored == plan.constants.end()) return;
  const TensorIndex weights = InputOf(op, row->weights_input);
  const double sqnr_db =
      StoredSqnrDb(stored->second.type, stored->second.params, model.ConstantValues<float>(weights),
                   model.tensor(weights).shape);
  if (std::isfinite(sqnr_db)) report.set_weights_sqnr_db(sqnr_db);
}

void ReportOperators(const Model& model, const QuantPlan& plan, v1::VariantReport& report) {
  const auto& operators = model.graph().operators;
  for (size_t i = 0; i < operators.size() && i < plan.operators.size(); ++i) {
    v1::OperatorReport& row = *report.add_operators();
    row.set_index(static_cast<int32_t>(i));
    row.set_type(model.OperatorName(*operators[i]));
    if (const TensorIndex output = OutputOf(*operators[i], 0); output != kNoTensor) {
      row.set_name(std::string(model.TensorName(output)));
    }
    row.set_quantized(plan.operators[i].quantized);
    row.set_note(plan.operators[i].note);
    ReportWeights(model, plan, static_cast<int>(i), row);
  }
}

void ReportBorder(const Model& written, v1::VariantReport& report) {
  for (const int32_t input : written.graph().inputs) {
    *report.add_inputs() = DescribeTensor(written, TensorIndex{input});
  }
  for (const int32_t output : written.graph().outputs) {
    *report.add_outputs() = DescribeTensor(written, TensorIndex{output});
  }
}

struct Quantized {
  QuantPlan plan;
  Model model;
};

// An example for a model without data: what it does with it does not matter to the clock.
Example Zeros(const Model& fixed) {
  Example example;
  for (const int32_t input : fixed.graph().inputs) {
    const schema::TensorT& tensor = *fixed.graph().tensors[input];
    const int64_t size_bytes = TensorBytes(tensor.type, tensor.shape).value_or(0);
    example.push_back({.type = tensor.type,
                       .shape = tensor.shape,
                       .bytes = std::vector<uint8_t>(static_cast<size_t>(size_bytes))});
  }
  return example;
}

EvaluateOptions EvaluateOptionsOf(const Prepared& prepared, ProgressListener progress) {
  EvaluateOptions options;
  options.num_threads = prepared.spec.num_threads();
  options.backend =
      prepared.spec.backend() == v1::BACKEND_REFERENCE ? Backend::kReference : Backend::kXnnpack;
  options.has_accuracy = prepared.has_accuracy;
  options.metrics = prepared.metrics.metrics;
  options.parts = prepared.metrics.parts;
  options.draws_masks = !prepared.metrics.recurrence.has_value();
  // There may be up to three evaluations, each keeping outputs.
  options.max_kept_bytes /= 1 + (prepared.metrics.recurrence.has_value() ? 1 : 0) +
                            (prepared.spec.backend() == v1::BACKEND_BOTH ? 1 : 0);
  options.check_finite = prepared.evaluation_holds_floats;
  options.progress = std::move(progress);
  return options;
}

// In which models see their own outputs: masks are drawn of that run.
EvaluateOptions RecurrentOptions(EvaluateOptions options, const Recurrence& recurrence) {
  options.recurrence = recurrence;
  options.draws_masks = true;
  return options;
}

EvaluateOptions WatchingOptions(EvaluateOptions options,
                                std::vector<std::optional<ValueRange>> calibrated_inputs) {
  options.calibrated_inputs = std::move(calibrated_inputs);
  return options;
}

absl::StatusOr<Evaluation> EvaluateWith(Evaluator& evaluator, const Model& fixed, bool is_float) {
  return is_float ? evaluator.EvaluateFloat(fixed) : evaluator.Evaluate(fixed);
}

v1::RecurrenceReport ReportRecurrence(Evaluation evaluation, const Recurrence& recurrence) {
  v1::RecurrenceReport report;
  if (evaluation.accuracy.has_value()) *report.mutable_accuracy() = *std::move(evaluation.accuracy);
  for (v1::MetricReport& metric : evaluation.metrics) *report.add_metrics() = std::move(metric);
  *report.mutable_fidelity() = std::move(evaluation.fidelity);
  for (v1::DriftPoint& point : evaluation.drift) *report.add_drift() = std::move(point);
  report.set_sequences(static_cast<int64_t>(recurrence.starts.size()));
  return report;
}

struct KindRow {
  v1::ObserverKind kind;
  Observer observer;
};
constexpr KindRow kKinds[] = {
    {v1::OBSERVER_KIND_MIN_MAX, Observer::kMinMax},
    {v1::OBSERVER_KIND_MOVING_AVERAGE, Observer::kMovingAverage},
    {v1::OBSERVER_KIND_PERCENTILE, Observer::kPercentile},
    {v1::OBSERVER_KIND_MEAN_SQUARED_ERROR, Observer::kMeanSquaredError},
    {v1::OBSERVER_KIND_ENTROPY, Observer::kEntropy},
};

Observer ObserverOf(v1::ObserverKind kind) {
  const auto* row = std::ranges::find(kKinds, kind, &KindRow::kind);
  return row == std::end(kKinds) ? Observer::kMinMax : row->observer;
}

v1::ObserverKind KindOf(Observer observer) {
  return std::ranges::find(kKinds, observer, &KindRow::observer)->kind;
}

// The ranges of a scheme.
struct ObserverChoice {
  RangeOptions options;
  TensorRanges ranges;
  // What `auto` tried, the best one first; none where there was nothing to choose.
  std::vector<ObserverScore> scores;
};

void ReportChoice(const ObserverChoice& choice, v1::VariantReport& report) {
  for (const ObserverScore& score : choice.scores) {
    v1::ObserverTrial& trial = *report.add_observer_trials();
    trial.set_observer(KindOf(score.ranges.observer));
    trial.set_kept(score.ranges.observer == Observer::kPercentile ? score.ranges.kept : 0);
    trial.set_sqnr_db(score.sqnr_db);
  }
  report.set_observer(KindOf(choice.options.observer));
}

// The work on the variants of one job. Not thread-safe.
class VariantMaker {
 public:
  VariantMaker(const Prepared& prepared, const engine::v1::OptimizeWork& work,
               EngineProgress& progress);

  // Calibrates once for all variants, where one needs it, and makes ready to evaluate.
  absl::Status Begin(const EngineIdentity& identity);
  bool calibration_cached() const { return calibrated_.cached; }

  // What calibration and the weights show; after Begin.
  std::vector<v1::Warning> Warnings() const;
  // What the evaluation data show; after the last variant.
  std::vector<v1::Warning> EvaluationWarnings() const;

  // The float32 variant comes first. An error is one for all.
  absl::StatusOr<v1::VariantReport> Make(const SettledVariant& variant);

 private:
  bool NeedsStatistics() const;
  void MakeEvaluators();
  // By input of the model, what calibration saw of it; none of those whose range is the model's
  // own, and none at all where the evaluation has no set of its own.
  std::vector<std::optional<ValueRange>> CalibratedInputs() const;
  const v1::VariantReport* Finished(absl::string_view name) const;
  absl::Status Fill(const v1::VariantSpec& spec, v1::VariantReport& report);
  // Plans, applies and writes; what was written, read again.
  absl::StatusOr<Model> Quantize(const v1::VariantSpec& spec, v1::VariantReport& report);
  // Rounding in float says nothing about uint8's speed: the plain float model stands for it.
  const Model& timed_baseline() const {
    return prepared_.uint8_source.has_value() ? prepared_.fixed : prepared_.fixed_baseline;
  }
  bool is_auto() const { return prepared_.spec.observer() == v1::OBSERVER_KIND_AUTO; }
  // The ranges for a scheme that needs them, chosen once.
  absl::StatusOr<const ObserverChoice*> ChoiceFor(const v1::VariantSpec& spec);
  absl::StatusOr<ObserverChoice> Choose(const v1::VariantSpec& spec);
  // Of all calibration examples, those that `auto` holds back with them.
  absl::StatusOr<const CalibrationStatistics*> StatisticsOfAll();
  // Whether it is the file that came, whose uint8 nothing here runs.
  bool IsUint8Source(const v1::VariantSpec& spec) const {
    return spec.scheme() == v1::SCHEME_FLOAT32 && prepared_.uint8_source.has_value();
  }
  // Of the usual batch, or of one example.
  absl::StatusOr<Quantized> MakeFor(bool one_example, const v1::VariantSpec& spec);
  // The places of `model`'s tensors are those of the fixed one.
  absl::StatusOr<Quantized> MakeFrom(const Model& model, const v1::VariantSpec& spec);
  // The variant that was written, with fixed shapes.
  absl::StatusOr<Model> ForOneExample(const Model& written, const v1::VariantSpec& spec);
  absl::Status Evaluate(const Model& fixed, v1::VariantReport& report);
  absl::Status Explain(const Model& fixed, v1::VariantReport& report);
  // Where both backends were asked for.
  absl::Status CompareWithReference(const Model& fixed, v1::VariantReport& report);
  absl::Status Benchmark(const Model& fixed, v1::VariantReport& report);
  void CountExamples(int64_t done, int64_t total);

  const Prepared& prepared_;
  const engine::v1::OptimizeWork& work_;
  const ArtifactFolder folder_;
  // All engines' of the host; -1: none.
  const int lock_fd_;
  EngineProgress& progress_;
  HostPause pause_;
  Calibrated calibrated_;
  // With `auto`, once they are needed; else calibrated_ has them.
  std::optional<CalibrationStatistics> statistics_of_all_;
  std::map<v1::Scheme, ObserverChoice> choices_;
  // Nothing where nothing is evaluated.
  std::optional<Evaluator> evaluator_;
  // Nothing where there is no recurrence.
  std::optional<Evaluator> recurrent_;
  // The same on own kernels, where both were asked for.
  std::optional<Evaluator> reference_evaluator_;
};

VariantMaker::VariantMaker(const Prepared& prepared, const engine::v1::OptimizeWork& work,
                           EngineProgress& progress)
    : prepared_(prepared),
      work_(work),
      folder_(work.output_fd()),
      lock_fd_(work.benchmark_lock_fd() > 0 ? work.benchmark_lock_fd() : -1),
      progress_(progress),
      pause_(lock_fd_) {}

void VariantMaker::MakeEvaluators() {
  if (prepared_.spec.skip_evaluation() || prepared_.measured_on() == nullptr) return;
  EvaluateOptions options = EvaluateOptionsOf(
      prepared_, [this](int64_t done, int64_t total) { CountExamples(done, total); });
  const Dataset& measured_on = *prepared_.measured_on();
  evaluator_.emplace(prepared_.fixed_baseline, measured_on,
                     WatchingOptions(options, CalibratedInputs()));
  if (const auto& recurrence = prepared_.metrics.recurrence; recurrence.has_value()) {
    recurrent_.emplace(prepared_.fixed_baseline, measured_on,
                       RecurrentOptions(options, *recurrence));
  }
  if (prepared_.spec.backend() != v1::BACKEND_BOTH) return;
  options.backend = Backend::kReference;
  options.draws_masks = false;
  reference_evaluator_.emplace(prepared_.fixed_baseline, measured_on, std::move(options));
}

// Under the lock of whoever counts, so that all threads pause.
void VariantMaker::CountExamples(int64_t done, int64_t total) {
  progress_.Count(done, total);
  pause_.BetweenExamples();
}

bool VariantMaker::NeedsStatistics() const {
  return std::ranges::any_of(prepared_.variants, [this](const SettledVariant& variant) {
    return variant.skip_reason.empty() && NeedsCalibration(variant.spec.scheme()) &&
           Finished(variant.spec.name()) == nullptr;
  });
}

absl::Status VariantMaker::Begin(const EngineIdentity& identity) {
  // Where there is no set, the model has all ranges.
  if (NeedsStatistics() && prepared_.calibration.has_value()) {
    progress_.BeginStage(v1::STAGE_CALIBRATE);
    ASSIGN_OR_RETURN(calibrated_, GatherStatistics(prepared_, work_, identity, progress_),
                     "calibration");
  }
  MakeEvaluators();
  return absl::OkStatus();
}

std::vector<std::optional<ValueRange>> VariantMaker::CalibratedInputs() const {
  std::vector<std::optional<ValueRange>> ranges;
  if (calibrated_.statistics.empty() || !prepared_.evaluation.has_value()) return ranges;
  for (const int32_t input : prepared_.fixed.graph().inputs) {
    const auto seen = calibrated_.statistics.find(TensorIndex{input});
    const bool is_learned = LearnedParamsOf(prepared_.fixed.tensor(TensorIndex{input})).has_value();
    if (is_learned || seen == calibrated_.statistics.end()) {
      ranges.emplace_back();
    } else {
      ranges.push_back(ValueRange{seen->second.min_max.min, seen->second.min_max.max});
    }
  }
  return ranges;
}

const v1::VariantReport* VariantMaker::Finished(absl::string_view name) const {
  for (const v1::VariantReport& finished : work_.finished()) {
    if (finished.spec().name() == name && finished.state() == v1::VariantReport::STATE_SUCCEEDED) {
      return &finished;
    }
  }
  return nullptr;
}

std::vector<v1::Warning> VariantMaker::Warnings() const {
  std::vector<v1::Warning> warnings = CheckWeights(prepared_.fixed);
  if (calibrated_.statistics.empty()) return warnings;
  const int64_t num_examples = prepared_.calibration->dataset->size();
  for (v1::Warning& warning :
       CheckStatistics(prepared_.fixed, calibrated_.statistics, num_examples)) {
    warnings.push_back(std::move(warning));
  }
  return warnings;
}

std::vector<v1::Warning> VariantMaker::EvaluationWarnings() const {
  if (!evaluator_.has_value()) return {};
  return CheckInputsAreAlike(prepared_.fixed, CalibratedInputs(), evaluator_->input_spreads());
}

absl::StatusOr<const CalibrationStatistics*> VariantMaker::StatisticsOfAll() {
  if (!is_auto() || !prepared_.calibration.has_value()) return &calibrated_.statistics;
  if (!statistics_of_all_.has_value()) {
    ASSIGN_OR_RETURN(statistics_of_all_, AddHeldBack(prepared_, calibrated_.statistics));
  }
  return &*statistics_of_all_;
}

absl::StatusOr<ObserverChoice> VariantMaker::Choose(const v1::VariantSpec& spec) {
  ObserverChoice choice{.options = {.observer = ObserverOf(prepared_.spec.observer()),
                                    .levels = LevelsOf(spec.scheme())},
                        .ranges = {},
                        .scores = {}};
  // A step of 65,536 levels is so small that cutting off values costs more than it gains on
  // examples that nothing has seen yet: min-max it is.
  const bool has_choice = choice.options.levels <= 256;
  if (is_auto() && has_choice && prepared_.calibration.has_value()) {
    ASSIGN_OR_RETURN(choice.scores,
                     ChooseObserver(prepared_.fixed, *prepared_.calibration->dataset,
                                    calibrated_.statistics, spec, prepared_.spec.num_threads()));
    choice.options = choice.scores[0].ranges;
  }
  ASSIGN_OR_RETURN(const CalibrationStatistics* statistics, StatisticsOfAll());
  choice.ranges = ChooseRanges(*statistics, choice.options);
  return choice;
}

absl::StatusOr<const ObserverChoice*> VariantMaker::ChoiceFor(const v1::VariantSpec& spec) {
  auto place = choices_.find(spec.scheme());
  if (place == choices_.end()) {
    ASSIGN_OR_RETURN(ObserverChoice choice, Choose(spec), "auto");
    place = choices_.emplace(spec.scheme(), std::move(choice)).first;
  }
  return &place->second;
}

absl::StatusOr<Quantized> VariantMaker::MakeFrom(const Model& model, const v1::VariantSpec& spec) {
  if (spec.scheme() == v1::SCHEME_CHANGE_IO) {
    ASSIGN_OR_RETURN(Model changed, ChangeIo(model, TypeOf(spec.io_type())));
    return Quantized{.plan = {}, .model = std::move(changed)};
  }
  const TensorRanges none;
  const TensorRanges* ranges = &none;
  if (NeedsCalibration(spec.scheme())) {
    ASSIGN_OR_RETURN(const ObserverChoice* choice, ChoiceFor(spec));
    ranges = &choice->ranges;
  }
  ASSIGN_OR_RETURN(QuantPlan plan, PlanQuantization(model, *ranges, spec));
  ASSIGN_OR_RETURN(Model quantized, ApplyPlan(model, plan));
  return Quantized{std::move(plan), std::move(quantized)};
}

absl::StatusOr<Quantized> VariantMaker::MakeFor(bool one_example, const v1::VariantSpec& spec) {
  if (IsUint8Source(spec)) return Quantized{.plan = {}, .model = *prepared_.uint8_source};
  if (spec.scheme() == v1::SCHEME_FLOAT32) {
    return MakeFrom(one_example ? prepared_.fixed_baseline : prepared_.baseline, spec);
  }
  return MakeFrom(one_example ? prepared_.fixed : prepared_.model, spec);
}

absl::StatusOr<Model> VariantMaker::Quantize(const v1::VariantSpec& spec,
                                             v1::VariantReport& report) {
  progress_.BeginStage(v1::STAGE_QUANTIZE, spec.name());
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(const Quantized made, MakeFor(/*one_example=*/false, spec));
  const auto choice = choices_.find(spec.scheme());
  if (choice != choices_.end() && prepared_.calibration.has_value()) {
    ReportChoice(choice->second, report);
  }
  ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, WriteModel(made.model));
  const Gzip gzip = prepared_.spec.skip_evaluation() ? Gzip::kSkip : Gzip::kMeasure;
  ASSIGN_OR_RETURN(*report.mutable_artifact(),
                   folder_.Write(absl::StrCat(spec.name(), ".tflite"), bytes, gzip));
  const bool is_float = spec.scheme() == v1::SCHEME_FLOAT32;
  ReportOperators(is_float ? prepared_.baseline : prepared_.model, made.plan, report);
  ASSIGN_OR_RETURN(Model written,
                   ReadModel(std::make_shared<const std::vector<uint8_t>>(std::move(bytes))),
                   "reading what was written");
  ReportBorder(written, report);
  *report.mutable_delegate() = DescribeDelegate(written);
  report.set_quantize_seconds(absl::ToDoubleSeconds(absl::Now() - start));
  return written;
}

absl::Status VariantMaker::Evaluate(const Model& fixed, v1::VariantReport& report) {
  progress_.BeginStage(v1::STAGE_EVALUATE, report.spec().name());
  const absl::Time start = absl::Now();
  const bool is_float = report.spec().scheme() == v1::SCHEME_FLOAT32;
  ASSIGN_OR_RETURN(Evaluation evaluation, EvaluateWith(*evaluator_, fixed, is_float));
  if (evaluation.accuracy.has_value()) *report.mutable_accuracy() = *std::move(evaluation.accuracy);
  for (v1::MetricReport& metric : evaluation.metrics) *report.add_metrics() = std::move(metric);
  *report.mutable_fidelity() = std::move(evaluation.fidelity);
  if (recurrent_.has_value()) {
    ASSIGN_OR_RETURN(Evaluation recurrent, EvaluateWith(*recurrent_, fixed, is_float),
                     "recurrence");
    *report.mutable_recurrence() =
        ReportRecurrence(std::move(recurrent), *prepared_.metrics.recurrence);
  }
  report.set_backend(prepared_.spec.backend() == v1::BACKEND_REFERENCE ? v1::BACKEND_REFERENCE
                                                                       : v1::BACKEND_XNNPACK);
  if (reference_evaluator_.has_value()) RETURN_IF_ERROR(CompareWithReference(fixed, report));
  report.set_evaluate_seconds(absl::ToDoubleSeconds(absl::Now() - start));
  return absl::OkStatus();
}

absl::Status VariantMaker::CompareWithReference(const Model& fixed, v1::VariantReport& report) {
  ASSIGN_OR_RETURN(Evaluation evaluation, reference_evaluator_->Evaluate(fixed), "own kernels");
  ASSIGN_OR_RETURN(const BackendDifferences differences,
                   CompareBackends(fixed, *prepared_.measured_on(),
                                   {.num_threads = prepared_.spec.num_threads()}),
                   "own kernels");
  v1::BackendComparison& backends = *report.mutable_backends();
  backends = DescribeBackends(fixed, differences);
  *backends.mutable_reference_fidelity() = std::move(evaluation.fidelity);
  if (evaluation.accuracy.has_value()) {
    *backends.mutable_reference_accuracy() = *std::move(evaluation.accuracy);
  }
  return absl::OkStatus();
}

// Where the variant parts from the float model, operator by operator, on a few examples.
absl::Status VariantMaker::Explain(const Model& fixed, v1::VariantReport& report) {
  const bool is_float = report.spec().scheme() == v1::SCHEME_FLOAT32;
  if (is_float || report.operators().empty()) return absl::OkStatus();
  return ExplainOperators(prepared_.fixed, fixed, *prepared_.measured_on(),
                          prepared_.spec.num_threads(), report);
}

absl::Status VariantMaker::Benchmark(const Model& fixed, v1::VariantReport& report) {
  progress_.BeginStage(v1::STAGE_BENCHMARK, report.spec().name());
  const absl::Time start = absl::Now();
  PeakResidentBytes();
  Example example = Zeros(prepared_.fixed);
  if (const Dataset* data = prepared_.measured_on(); data != nullptr) {
    ASSIGN_OR_RETURN(example, data->Get(0), "example 0");
  }
  ASSIGN_OR_RETURN(
      const LatencyResult result,
      MeasureLatency(fixed, timed_baseline(), example, prepared_.spec.benchmark(), lock_fd_));
  *report.mutable_latency() = result.latency;
  *report.mutable_memory() = result.memory;
  report.set_benchmark_seconds(absl::ToDoubleSeconds(absl::Now() - start));
  return absl::OkStatus();
}

// A batch of several is not run: its examples are, one by one, through the same variant of a batch
// of one.
absl::StatusOr<Model> VariantMaker::ForOneExample(const Model& written,
                                                  const v1::VariantSpec& spec) {
  if (IsUint8Source(spec)) return prepared_.fixed_baseline;
  if (prepared_.spec.batch() <= 1) return FixShapes(written);
  ASSIGN_OR_RETURN(const Quantized made, MakeFor(/*one_example=*/true, spec));
  return FixShapes(made.model);
}

absl::Status VariantMaker::Fill(const v1::VariantSpec& spec, v1::VariantReport& report) {
  ASSIGN_OR_RETURN(const Model written, Quantize(spec, report));
  const bool is_measured = evaluator_.has_value() || !prepared_.spec.benchmark().skip();
  if (!is_measured || !prepared_.not_run.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Model fixed, ForOneExample(written, spec));
  if (evaluator_.has_value()) {
    RETURN_IF_ERROR(Evaluate(fixed, report), "evaluation");
    RETURN_IF_ERROR(Explain(fixed, report), "explanation");
  }
  if (prepared_.spec.benchmark().skip()) return absl::OkStatus();
  RETURN_IF_ERROR(Benchmark(IsUint8Source(spec) ? timed_baseline() : fixed, report), "benchmark");
  return absl::OkStatus();
}

absl::StatusOr<v1::VariantReport> VariantMaker::Make(const SettledVariant& variant) {
  const v1::VariantSpec& spec = variant.spec;
  if (!variant.skip_reason.empty()) return Skipped(spec, variant.skip_reason);
  if (const v1::VariantReport* finished = Finished(spec.name()); finished != nullptr) {
    return *finished;
  }

  v1::VariantReport report;
  *report.mutable_spec() = spec;
  const absl::Status status = Fill(spec, report);
  if (status.ok()) {
    report.set_state(v1::VariantReport::STATE_SUCCEEDED);
    return report;
  }
  folder_.Remove(absl::StrCat(spec.name(), ".tflite"));
  // Not the variant's fault: the job is tried again.
  if (ReasonOf(status) == "DISK_FULL") return Annotate(status, "variant ", spec.name());
  // Without the baseline there is nothing to compare with.
  if (spec.scheme() == v1::SCHEME_FLOAT32 && !report.has_fidelity()) {
    return Annotate(status, "variant ", spec.name());
  }
  if (variant.optional && absl::IsFailedPrecondition(status)) {
    return Skipped(spec, status.message());
  }
  return Failed(spec, Annotate(status, "variant ", spec.name()));
}

absl::Status WriteReport(const ArtifactFolder& folder, engine::v1::EngineResult& result) {
  const auto write = [&](const std::string& name, const std::string& text) -> absl::Status {
    const std::span bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    ASSIGN_OR_RETURN(*result.add_artifacts(), folder.Write(name, bytes, Gzip::kSkip));
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const std::string json, ReportJson(result.report()), "report.json");
  RETURN_IF_ERROR(write("report.json", json));
  return write("report.html", ReportHtml(result.report()));
}

// The float32 variant, which comes first where there is one.
const v1::VariantReport& Baseline(const v1::Report& report) {
  const v1::VariantReport& first = report.variants(0);
  const bool is_baseline = first.spec().scheme() == v1::SCHEME_FLOAT32 &&
                           first.state() == v1::VariantReport::STATE_SUCCEEDED;
  return is_baseline ? first : v1::VariantReport::default_instance();
}

engine::v1::ValidateWork InputsOf(const engine::v1::OptimizeWork& work) {
  engine::v1::ValidateWork inputs;
  *inputs.mutable_spec() = work.spec();
  *inputs.mutable_model() = work.model();
  *inputs.mutable_calibration() = work.calibration();
  *inputs.mutable_evaluation() = work.evaluation();
  return inputs;
}

}  // namespace

absl::StatusOr<engine::v1::EngineResult> Optimize(const engine::v1::OptimizeWork& work,
                                                  const EngineIdentity& identity,
                                                  int64_t memory_limit_bytes,
                                                  EngineProgress& progress) {
  progress.BeginStage(v1::STAGE_IMPORT);
  ASSIGN_OR_RETURN(Prepared prepared, Prepare(InputsOf(work), memory_limit_bytes));
  RETURN_IF_ERROR(WarnOfSharedExamples(prepared));
  progress.SetVariantsTotal(static_cast<int>(prepared.variants.size()));

  engine::v1::EngineResult result;
  v1::Report& report = *result.mutable_report();
  report = BeginReport(prepared, identity);
  VariantMaker maker(prepared, work, progress);
  RETURN_IF_ERROR(maker.Begin(identity));
  report.set_calibration_cached(maker.calibration_cached());
  for (v1::Warning& warning : maker.Warnings()) *report.add_warnings() = std::move(warning);
  for (const SettledVariant& variant : prepared.variants) {
    ASSIGN_OR_RETURN(v1::VariantReport made, maker.Make(variant));
    *report.add_variants() = std::move(made);
    v1::VariantReport& last = *report.mutable_variants(report.variants_size() - 1);
    if (last.state() == v1::VariantReport::STATE_SUCCEEDED) {
      JudgeVariant(Baseline(report), prepared.spec.goals(), last);
      *result.add_artifacts() = last.artifact();
    }
    progress.FinishVariant(last);
  }
  for (v1::Warning& warning : maker.EvaluationWarnings()) {
    *report.add_warnings() = std::move(warning);
  }

  progress.BeginStage(v1::STAGE_REPORT);
  JudgeReport(report);
  report.set_wall_seconds(progress.ElapsedSeconds());
  report.set_cpu_seconds(CpuSeconds());
  report.set_peak_memory_bytes(PeakResidentBytes());
  MakeValidUtf8(report);
  RETURN_IF_ERROR(WriteReport(ArtifactFolder(work.output_fd()), result));
  *result.mutable_model_info() = prepared.model_info;
  return result;
}

absl::StatusOr<engine::v1::EngineResult> Validate(const engine::v1::ValidateWork& work,
                                                  const EngineIdentity& identity,
                                                  int64_t memory_limit_bytes) {
  ASSIGN_OR_RETURN(const Prepared prepared, Prepare(work, memory_limit_bytes));
  engine::v1::EngineResult result;
  *result.mutable_report() = BeginReport(prepared, identity);
  for (const SettledVariant& variant : prepared.variants) {
    v1::VariantReport& report = *result.mutable_report()->add_variants();
    if (!variant.skip_reason.empty()) {
      report = Skipped(variant.spec, variant.skip_reason);
    } else {
      *report.mutable_spec() = variant.spec;
    }
  }
  *result.mutable_model_info() = prepared.model_info;
  return result;
}

}  // namespace octavo
