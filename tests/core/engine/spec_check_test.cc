#include "core/engine/spec_check.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "core/base/error_reason.h"
#include "core/engine/settle_metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::OptimizeSpec SpecOf(std::vector<std::pair<v1::Scheme, v1::IoType>> variants) {
  v1::OptimizeSpec spec;
  for (const auto& [scheme, io_type] : variants) {
    v1::VariantSpec& variant = *spec.add_variants();
    variant.set_scheme(scheme);
    variant.set_io_type(io_type);
  }
  return spec;
}

std::vector<std::string> Names(const absl::StatusOr<std::vector<SettledVariant>>& variants) {
  std::vector<std::string> names;
  if (!variants.ok()) return {variants.status().ToString()};
  for (const SettledVariant& variant : *variants) {
    names.push_back(variant.skip_reason.empty() ? variant.spec.name()
                                                : variant.spec.name() + " skipped");
  }
  return names;
}

TEST(SettleVariants, PutsFloatFirstAskedForOrNot) {
  v1::OptimizeSpec spec = SpecOf({{v1::SCHEME_DYNAMIC_INT8, v1::IO_TYPE_UNSPECIFIED},
                                  {v1::SCHEME_FLOAT16, v1::IO_TYPE_FLOAT32}});
  EXPECT_THAT(Names(SettleVariants(spec)), ElementsAre("float32", "dynamic-int8", "float16"));
  spec.add_variants()->set_scheme(v1::SCHEME_FLOAT32);
  spec.mutable_variants(2)->set_name("base");
  EXPECT_THAT(Names(SettleVariants(spec)), ElementsAre("base", "dynamic-int8", "float16"));
}

TEST(SettleVariants, AddsNoFloatWhereNothingIsEvaluated) {
  v1::OptimizeSpec spec = SpecOf({{v1::SCHEME_FLOAT16, v1::IO_TYPE_UNSPECIFIED}});
  spec.set_skip_evaluation(true);
  EXPECT_THAT(Names(SettleVariants(spec)), ElementsAre("float16"));
}

TEST(SettleVariants, KeepTheNameOfTheQuantizedBaseline) {
  v1::OptimizeSpec spec = SpecOf({{v1::SCHEME_CHANGE_IO, v1::IO_TYPE_UINT8}});
  EXPECT_THAT(Names(SettleVariants(spec, {.is_quantized = true})),
              ElementsAre("original", "io-uint8"));
  spec.mutable_variants(0)->set_name("original");
  EXPECT_THAT(SettleVariants(spec, {.is_quantized = true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another variant")));
}

TEST(SettleVariants, AreThoseOfAFloatModelWhereItIsUint8) {
  v1::OptimizeSpec spec;
  spec.set_all_variants(true);
  EXPECT_THAT(
      Names(SettleVariants(spec, {.is_quantized = true, .is_uint8 = true, .has_ranges = true})),
      ElementsAre("original", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                  "dynamic-int4", "int8", "int8-int8io", "int8-uint8io", "int8-pertensor",
                  "int16x8", "int16x8-int16io"));
}

TEST(SettleVariants, SkipsOfAllWhatNeedsCalibration) {
  v1::OptimizeSpec spec;
  spec.set_all_variants(true);
  EXPECT_THAT(
      Names(SettleVariants(spec)),
      ElementsAre("float32", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                  "dynamic-int4", "int8 skipped", "int8-int8io skipped", "int8-uint8io skipped",
                  "int8-pertensor skipped", "int16x8 skipped", "int16x8-int16io skipped"));
  spec.mutable_calibration();
  EXPECT_THAT(Names(SettleVariants(spec)),
              ElementsAre("float32", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                          "dynamic-int4", "int8", "int8-int8io", "int8-uint8io", "int8-pertensor",
                          "int16x8", "int16x8-int16io"));
}

TEST(SettleVariants, RefusesAStaticSchemeWithoutCalibration) {
  const auto variants = SettleVariants(SpecOf({{v1::SCHEME_INT8, v1::IO_TYPE_UINT8}}));
  EXPECT_THAT(variants, StatusIs(absl::StatusCode::kFailedPrecondition,
                                 "variant 'int8-uint8io' needs a calibration set, and there is "
                                 "none"));
  EXPECT_EQ(ReasonOf(variants.status()), "NO_CALIBRATION");
}

TEST(SettleVariants, CalibratesNothingThatIsNotRun) {
  v1::OptimizeSpec all;
  all.set_all_variants(true);
  all.mutable_calibration();
  const VariantSource source{.not_run = "WHERE at 5"};
  EXPECT_THAT(
      Names(SettleVariants(all, source)),
      ElementsAre("float32", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                  "dynamic-int4", "int8 skipped", "int8-int8io skipped", "int8-uint8io skipped",
                  "int8-pertensor skipped", "int16x8 skipped", "int16x8-int16io skipped"));
  EXPECT_EQ((*SettleVariants(all, source))[6].skip_reason, "cannot be calibrated: WHERE at 5");
  EXPECT_EQ((*SettleVariants(all, {.has_ranges = true, .not_run = "WHERE at 5"}))[6].skip_reason,
            "");
  const auto named = SettleVariants(SpecOf({{v1::SCHEME_INT8, v1::IO_TYPE_UINT8}}), source);
  EXPECT_THAT(named, StatusIs(absl::StatusCode::kFailedPrecondition,
                              "variant 'int8-uint8io' needs a calibration: WHERE at 5"));
  EXPECT_EQ(ReasonOf(named.status()), "OP_UNSUPPORTED");
}

TEST(SettleVariants, RefusesWhatIsUnknownOrTwice) {
  const auto refused = [](v1::OptimizeSpec spec, const std::string& problem) {
    const auto variants = SettleVariants(spec);
    EXPECT_THAT(variants, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem)));
    EXPECT_EQ(ReasonOf(variants.status()), "FIELD_INVALID");
  };
  refused(SpecOf({{static_cast<v1::Scheme>(99), v1::IO_TYPE_UNSPECIFIED}}),
          "spec.variants[0].scheme: 99 is no scheme");
  refused(SpecOf({{v1::SCHEME_FLOAT16, v1::IO_TYPE_INT8}}), "spec.variants[0].io_type");
  refused(SpecOf({{v1::SCHEME_INT8, static_cast<v1::IoType>(99)}}), "spec.variants[0].io_type");
  refused(SpecOf({{v1::SCHEME_FLOAT16, v1::IO_TYPE_UNSPECIFIED},
                  {v1::SCHEME_FLOAT16, v1::IO_TYPE_FLOAT32}}),
          "spec.variants[1].name: 'float16' is there twice");
  v1::OptimizeSpec misnamed = SpecOf({{v1::SCHEME_FLOAT16, v1::IO_TYPE_UNSPECIFIED}});
  for (const std::string name : {"float32", "../x", "a/b", ".hidden", "a b", "\xc3\xa4"}) {
    misnamed.mutable_variants(0)->set_name(name);
    refused(misnamed, "spec.variants[0].name");
  }
  misnamed.mutable_variants(0)->set_name(std::string(65, 'x'));
  refused(misnamed, "spec.variants[0].name");
}

TEST(FillDefaults, SaysWhatWillBeDone) {
  v1::OptimizeSpec spec;
  spec.set_all_variants(true);
  spec.mutable_calibration();
  const auto full = FillDefaults(spec);
  ASSERT_THAT(full, IsOk());
  EXPECT_EQ(full->benchmark().warmup_runs(), 10);
  EXPECT_EQ(full->benchmark().max_duration_ms(), 2000);
  EXPECT_EQ(full->calibration().max_examples(), 512);
  EXPECT_EQ(full->observer(), v1::OBSERVER_KIND_MIN_MAX);
  EXPECT_EQ(full->backend(), v1::BACKEND_XNNPACK);
  EXPECT_GE(full->num_threads(), 1);
  EXPECT_FALSE(full->has_evaluation());
}

TEST(FillDefaults, RefusesNumbersOutOfRange) {
  const auto refused = [](auto change, const std::string& field) {
    v1::OptimizeSpec spec;
    spec.set_all_variants(true);
    change(spec);
    EXPECT_THAT(FillDefaults(spec), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  };
  using Spec = v1::OptimizeSpec;
  refused([](Spec& s) { s.set_all_variants(false); }, "spec.variants");
  refused(
      [](Spec& s) {
        for (int i = 0; i < 33; ++i) s.add_variants();
      },
      "spec.variants");
  refused([](Spec& s) { s.set_num_threads(-1); }, "spec.num_threads");
  refused([](Spec& s) { s.set_num_threads(100'000); }, "spec.num_threads");
  refused([](Spec& s) { s.mutable_calibration()->set_max_examples(-1); },
          "spec.calibration.max_examples");
  refused([](Spec& s) { s.mutable_evaluation()->set_max_examples(-1); },
          "spec.evaluation.max_examples");
  refused([](Spec& s) { s.mutable_benchmark()->set_runs(-1); }, "spec.benchmark.runs");
  refused([](Spec& s) { s.mutable_benchmark()->set_max_duration_ms(1 << 30); },
          "spec.benchmark.max_duration_ms");
  refused([](Spec& s) { s.mutable_goals()->set_max_drop_points(std::nan("")); },
          "spec.goals.max_drop_points");
  refused([](Spec& s) { s.mutable_goals()->set_max_size_ratio(-1); }, "spec.goals.max_size_ratio");
  refused([](Spec& s) { s.set_backend(static_cast<v1::Backend>(99)); }, "spec.backend");
  refused([](Spec& s) { s.set_observer(static_cast<v1::ObserverKind>(99)); }, "spec.observer");
}

TEST(CheckMetrics, RefusesWhatContradictsItself) {
  const auto refused = [](auto change, const std::string& problem) {
    v1::OptimizeSpec spec;
    spec.mutable_evaluation();
    EXPECT_THAT(CheckMetrics(spec), IsOk());
    change(spec);
    EXPECT_THAT(CheckMetrics(spec),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(problem)));
  };
  using Spec = v1::OptimizeSpec;
  refused([](Spec& s) { s.add_metrics()->set_kind(static_cast<v1::EvaluationKind>(9)); },
          "spec.metrics[0].kind: 9 is no kind");
  refused([](Spec& s) { s.add_metrics()->set_threshold(std::nanf("")); },
          "spec.metrics[0].threshold: is not finite");
  refused([](Spec& s) { (s.add_metrics(), s.clear_evaluation()); }, "spec.metrics: nothing");
  refused([](Spec& s) { (s.add_metrics(), s.set_skip_evaluation(true)); }, "spec.metrics: nothing");
  refused([](Spec& s) { s.mutable_recurrence(); }, "spec.recurrence.feedbacks: wants 1 to 64");
  refused(
      [](Spec& s) {
        s.mutable_recurrence()->add_feedbacks();
        s.mutable_recurrence()->set_sequence_length(-1);
      },
      "spec.recurrence.sequence_length: is negative");
  refused(
      [](Spec& s) {
        s.mutable_recurrence()->add_feedbacks();
        s.mutable_recurrence()->set_sequence_length(3);
        s.mutable_evaluation()->set_sequences("clip");
      },
      "spec.recurrence.sequence_length: spec.evaluation.sequences");
  refused([](Spec& s) { s.mutable_evaluation()->set_sequences("clip"); },
          "spec.evaluation.sequences: there is no recurrence");
  refused([](Spec& s) { s.mutable_calibration()->add_targets(); }, "spec.calibration.targets");
  refused(
      [](Spec& s) {
        for (int i = 0; i < 65; ++i) s.mutable_evaluation()->add_targets();
      },
      "spec.evaluation.targets: more than 64");
}

// Examples of one float input each.
class ListDataset : public Dataset {
 public:
  ListDataset(std::vector<float> values, std::vector<int64_t> labels)
      : values_(std::move(values)), labels_(std::move(labels)) {}
  int64_t size() const override { return static_cast<int64_t>(values_.size()); }
  absl::StatusOr<Example> Get(int64_t index) const override {
    TensorValue value;
    value.shape = {1, 1};
    value.bytes.resize(sizeof(float));
    value.mutable_values<float>()[0] = values_[index];
    return Example{value};
  }
  const std::vector<int64_t>& labels() const override { return labels_; }
  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    return std::to_string(values_[index]);
  }

 private:
  std::vector<float> values_;
  std::vector<int64_t> labels_;
};

// A model of one input, "x", and one output of this shape.
Model ModelWithOutput(Shape shape) {
  Model model;
  model.tables.subgraphs.push_back(std::make_unique<schema::SubGraphT>());
  for (const char* name : {"x", "y"}) {
    auto tensor = std::make_unique<schema::TensorT>();
    tensor->name = name;
    tensor->shape = shape;
    model.graph().tensors.push_back(std::move(tensor));
  }
  model.graph().inputs = {0};
  model.graph().outputs = {1};
  return model;
}

TEST(NumClasses, CountsScoresAlone) {
  EXPECT_EQ(NumClasses(ModelWithOutput({1, 10})), 10);
  EXPECT_EQ(NumClasses(ModelWithOutput({1, 1, 1, 1000})), 1000);
  EXPECT_EQ(NumClasses(ModelWithOutput({10})), 10);
  EXPECT_EQ(NumClasses(ModelWithOutput({1, 4, 4, 2})), 0);
  EXPECT_EQ(NumClasses(ModelWithOutput({1, 1})), 0);
  EXPECT_EQ(NumClasses(ModelWithOutput({})), 0);
}

TEST(CheckLabels, NamesTheExample) {
  EXPECT_THAT(CheckLabels(ListDataset({1, 2}, {0, 9}), 10), IsOk());
  const absl::Status status = CheckLabels(ListDataset({1, 2}, {0, 10}), 10);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               "example 1 has the label 10, and the model has 10 classes"));
  EXPECT_EQ(ReasonOf(status), "LABEL_OUT_OF_RANGE");
  EXPECT_THAT(CheckLabels(ListDataset({1}, {-1}), 10),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CheckFinite, NamesTheFirstExampleForAnyNumberOfThreads) {
  std::vector<float> values(100, 1.0f);
  const Model model = ModelWithOutput({1, 1});
  EXPECT_THAT(CheckFinite(model, ListDataset(values, {}), 3), IsOk());
  values[70] = std::numeric_limits<float>::infinity();
  values[40] = std::nanf("");
  for (const int num_threads : {1, 2, 7}) {
    const absl::Status status = CheckFinite(model, ListDataset(values, {}), num_threads);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 "example 40: input 'x' has a value that is not finite"));
    EXPECT_EQ(ReasonOf(status), "NOT_FINITE");
  }
}

}  // namespace
}  // namespace octavo
