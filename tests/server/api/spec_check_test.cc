#include "server/api/spec_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "core/base/error_reason.h"
#include "google/rpc/error_details.pb.h"
#include "server/jobs/usual_variants.h"

namespace octavo {
namespace {

using ::testing::ElementsAre;

constexpr char kId[] = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

v1::CreateJobRequest GoodRequest() {
  v1::CreateJobRequest request;
  v1::OptimizeSpec& spec = *request.mutable_spec();
  spec.set_model(std::string("models/") + kId);
  spec.mutable_calibration()->set_dataset(std::string("datasets/") + kId);
  spec.add_variants()->set_scheme(v1::SCHEME_FLOAT32);
  spec.add_variants()->set_scheme(v1::SCHEME_INT8);
  spec.mutable_variants(1)->set_io_type(v1::IO_TYPE_UINT8);
  return request;
}

v1::DatasetUse* Evaluate(v1::CreateJobRequest& request) {
  v1::DatasetUse* use = request.mutable_spec()->mutable_evaluation();
  use->set_dataset(std::string("datasets/") + kId);
  return use;
}

std::vector<std::string> WrongFields(const v1::CreateJobRequest& request) {
  const absl::Status status = CheckCreateJob(request);
  if (status.ok()) return {};
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(status), "FIELD_INVALID");
  google::rpc::BadRequest bad;
  EXPECT_TRUE(bad.ParseFromString(
      std::string(*status.GetPayload("type.googleapis.com/google.rpc.BadRequest"))));
  std::vector<std::string> fields;
  for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
  return fields;
}

TEST(CheckCreateJob, AcceptsWhatFitsTogether) {
  EXPECT_EQ(CheckCreateJob(GoodRequest()), absl::OkStatus());
  v1::CreateJobRequest all = GoodRequest();
  all.mutable_spec()->clear_variants();
  all.mutable_spec()->clear_calibration();
  all.mutable_spec()->set_all_variants(true);
  EXPECT_EQ(CheckCreateJob(all), absl::OkStatus());
}

TEST(CheckCreateJob, NamesTheFieldThatIsWrong) {
  struct Case {
    std::string field;
    std::function<void(v1::CreateJobRequest&)> break_it;
  };
  const double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Case> cases = {
      {"display_name", [](auto& r) { r.set_display_name(std::string(129, 'x')); }},
      {"request_id", [](auto& r) { r.set_request_id(std::string(129, 'x')); }},
      {"labels", [](auto& r) { (*r.mutable_labels())[""] = "x"; }},
      {"spec.model", [](auto& r) { r.mutable_spec()->clear_model(); }},
      {"spec.model", [](auto& r) { r.mutable_spec()->set_model("models/../x"); }},
      {"spec.calibration.dataset",
       [](auto& r) { r.mutable_spec()->mutable_calibration()->set_dataset("x"); }},
      {"spec.evaluation.dataset", [](auto& r) { r.mutable_spec()->mutable_evaluation(); }},
      {"spec.calibration.max_examples",
       [](auto& r) { r.mutable_spec()->mutable_calibration()->set_max_examples(-1); }},
      {"spec.calibration.bindings[0].arrays",
       [](auto& r) { r.mutable_spec()->mutable_calibration()->add_bindings(); }},
      {"spec.variants", [](auto& r) { r.mutable_spec()->clear_variants(); }},
      {"spec.variants",
       [](auto& r) {
         r.mutable_spec()->clear_variants();
         for (int i = 0; i < 33; ++i) {
           r.mutable_spec()->add_variants()->set_scheme(v1::SCHEME_FLOAT16);
           r.mutable_spec()->mutable_variants(i)->set_name("v" + std::to_string(i));
         }
       }},
      {"spec.variants[0].scheme",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->clear_scheme(); }},
      {"spec.variants[0].scheme",
       [](auto& r) {
         r.mutable_spec()->mutable_variants(0)->set_scheme(static_cast<v1::Scheme>(99));
       }},
      {"spec.variants[0].io_type",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->set_io_type(v1::IO_TYPE_INT8); }},
      {"spec.variants[1].io_type",
       [](auto& r) {
         r.mutable_spec()->mutable_variants(1)->set_io_type(static_cast<v1::IoType>(9));
       }},
      {"spec.variants[0].name",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->set_name("../x"); }},
      {"spec.variants[0].name",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->set_name(".hidden"); }},
      {"spec.variants[0].name",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->set_name(std::string(65, 'x')); }},
      {"spec.variants[1].name",
       [](auto& r) {
         for (int i : {0, 1}) r.mutable_spec()->mutable_variants(i)->set_name("twin");
       }},
      // Another one's usual name.
      {"spec.variants[0].name",
       [](auto& r) { r.mutable_spec()->mutable_variants(0)->set_name("int8"); }},
      {"spec",
       [](auto& r) {
         for (int i = 0; i < 2000; ++i) {
           r.mutable_spec()->mutable_variants(0)->add_keep_float_tensors(std::string(600, 'x'));
         }
       }},
      {"spec.preprocess[0].scale",
       [](auto& r) { r.mutable_spec()->add_preprocess()->add_scale(INFINITY); }},
      {"spec.preprocess[0].offset",
       [](auto& r) { r.mutable_spec()->add_preprocess()->add_offset(NAN); }},
      {"spec.preprocess[0].resize",
       [](auto& r) { r.mutable_spec()->add_preprocess()->mutable_resize()->set_height(3); }},
      {"spec.preprocess[0].repeat",
       [](auto& r) { r.mutable_spec()->add_preprocess()->mutable_repeat()->set_width(-1); }},
      {"spec.preprocess[1].input",
       [](auto& r) {
         r.mutable_spec()->add_preprocess();
         r.mutable_spec()->add_preprocess();
       }},
      {"spec.observer",
       [](auto& r) { r.mutable_spec()->set_observer(static_cast<v1::ObserverKind>(77)); }},
      {"spec.benchmark.runs",
       [](auto& r) { r.mutable_spec()->mutable_benchmark()->set_runs(100'001); }},
      {"spec.benchmark.runs", [](auto& r) { r.mutable_spec()->mutable_benchmark()->set_runs(-1); }},
      {"spec.benchmark.max_duration_ms",
       [](auto& r) { r.mutable_spec()->mutable_benchmark()->set_max_duration_ms(1 << 30); }},
      {"spec.goals.max_drop_points",
       [=](auto& r) { r.mutable_spec()->mutable_goals()->set_max_drop_points(kNan); }},
      {"spec.goals.max_size_ratio",
       [](auto& r) { r.mutable_spec()->mutable_goals()->set_max_size_ratio(-1); }},
      {"spec.goals.max_latency_ratio",
       [=](auto& r) { r.mutable_spec()->mutable_goals()->set_max_latency_ratio(kNan); }},
      {"spec.num_threads", [](auto& r) { r.mutable_spec()->set_num_threads(-1); }},
      {"spec.metrics", [](auto& r) { r.mutable_spec()->add_metrics(); }},
      {"spec.metrics[0].kind",
       [](auto& r) {
         Evaluate(r);
         r.mutable_spec()->add_metrics()->set_kind(static_cast<v1::EvaluationKind>(9));
       }},
      {"spec.metrics[0].threshold",
       [=](auto& r) {
         Evaluate(r);
         r.mutable_spec()->add_metrics()->set_threshold(static_cast<float>(kNan));
       }},
      {"spec.evaluation.targets[0].array",
       [](auto& r) { Evaluate(r)->add_targets()->set_output("y"); }},
      {"spec.evaluation.sequences", [](auto& r) { Evaluate(r)->set_sequences("clip"); }},
      {"spec.recurrence.feedbacks",
       [](auto& r) {
         Evaluate(r);
         r.mutable_spec()->mutable_recurrence();
       }},
      {"spec.recurrence.feedbacks[0].channels",
       [](auto& r) {
         Evaluate(r);
         r.mutable_spec()->mutable_recurrence()->add_feedbacks()->add_channels(-1);
       }},
      {"spec.recurrence.feedbacks[0].scale",
       [=](auto& r) {
         Evaluate(r);
         r.mutable_spec()->mutable_recurrence()->add_feedbacks()->set_scale(
             static_cast<float>(kNan));
       }},
      {"spec.calibration.targets",
       [](auto& r) { r.mutable_spec()->mutable_calibration()->add_targets()->set_array("y"); }},
  };
  for (const Case& c : cases) {
    v1::CreateJobRequest request = GoodRequest();
    c.break_it(request);
    EXPECT_THAT(WrongFields(request), ElementsAre(c.field)) << request.DebugString();
  }
}

TEST(CheckCreateJob, TakesWhateverTheEngineTakes) {
  v1::CreateJobRequest request = GoodRequest();
  request.mutable_spec()->mutable_goals()->set_max_drop_points(101);
  request.mutable_spec()->mutable_goals()->set_max_size_ratio(0);
  request.mutable_spec()->mutable_benchmark()->set_runs(100'000);
  EXPECT_EQ(CheckCreateJob(request), absl::OkStatus());
}

TEST(CheckCreateJob, LeavesItToTheEngineWhetherAModelNeedsCalibration) {
  v1::CreateJobRequest request = GoodRequest();
  request.mutable_spec()->clear_calibration();
  EXPECT_EQ(CheckCreateJob(request), absl::OkStatus());
}

TEST(CheckCreateJob, NamesAllWrongFieldsAtOnce) {
  v1::CreateJobRequest request = GoodRequest();
  request.mutable_spec()->clear_model();
  request.mutable_spec()->set_num_threads(-1);
  EXPECT_THAT(WrongFields(request), ElementsAre("spec.model", "spec.num_threads"));
}

TEST(CheckCreateJob, KeepsTheNameOfTheQuantizedBaseline) {
  v1::CreateJobRequest request = GoodRequest();
  v1::VariantSpec& variant = *request.mutable_spec()->add_variants();
  variant.set_scheme(v1::SCHEME_CHANGE_IO);
  variant.set_io_type(v1::IO_TYPE_UINT8);
  variant.set_name("original");
  const int place = request.spec().variants_size() - 1;
  EXPECT_THAT(WrongFields(request),
              ElementsAre("spec.variants[" + std::to_string(place) + "].name"));
  // As a report's spec names it.
  variant.set_scheme(v1::SCHEME_FLOAT32);
  variant.set_io_type(v1::IO_TYPE_FLOAT32);
  EXPECT_THAT(WrongFields(request), testing::IsEmpty());
}

TEST(VariantNames, AreThoseOfBothBaselinesToo) {
  EXPECT_TRUE(VariantNames(GoodRequest().spec()).contains("original"));
  EXPECT_TRUE(VariantNames(GoodRequest().spec()).contains("float32"));
}

TEST(KnownVariants, HaveTheNamesOfTheContract) {
  std::vector<std::string> names;
  for (const v1::VariantCapability& variant : KnownVariants()) {
    names.push_back(variant.spec().name());
    v1::VariantSpec nameless = variant.spec();
    nameless.clear_name();
    EXPECT_EQ(VariantName(nameless), variant.spec().name());
  }
  EXPECT_THAT(names, ElementsAre("float32", "float16", "weight-int8", "weight-int4", "dynamic-int8",
                                 "dynamic-int4", "dynamic-int4-block32", "int8", "int8-int8io",
                                 "int8-uint8io", "int8-pertensor", "int16x8", "int16x8-int16io",
                                 "io-float32", "io-int8", "io-uint8", "io-int16"));
}

}  // namespace
}  // namespace octavo
