// The real octavo-engine, run as octavod runs it.

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/status_matchers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sanitizer.h"
#include "core/base/sha256.h"
#include "core/engine/child_process.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/engine_process.h"
#include "core/tflite/model_writer.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/core/data/zip_bytes.h"
#include "tests/testing/fixtures.h"
#include "tests/testing/model_builder.h"

namespace octavo {
namespace {

using absl_testing::IsOk;
using absl_testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kModelFd = 10;
constexpr int kCalibrationFd = 11;
constexpr int kEvaluationFd = 12;
constexpr int kOutputFd = 13;

// Of MNIST: 100 images to calibrate, 1,000 to evaluate, no benchmark.
constexpr char kMnist[] = R"(
  calibration { bindings { arrays: "calib_images" } max_examples: 100 }
  evaluation { bindings { arrays: "test_images" } labels: "test_labels" max_examples: 1000 }
  preprocess { scale: 0.00392156862745098 }
  benchmark { skip: true }
  num_threads: 2 )";

EngineOptions RealEngine() {
  EngineOptions options;
  const char* programs = std::getenv("OCTAVO_BIN");
  options.program =
      absl::StrCat(programs == nullptr ? "build/release/bin" : programs, "/octavo-engine");
  options.timeout = absl::Seconds(120);
  return options;
}

UniqueFd Open(const std::string& path) {
  auto fd = OpenForReading(TestDataPath(path));
  EXPECT_THAT(fd, IsOk());
  return fd.ok() ? *std::move(fd) : UniqueFd();
}

// A folder that is gone at the end.
class OutputFolder {
 public:
  OutputFolder() : path_(testing::TempDir() + "octavo-engine-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~OutputFolder() {
    for (const auto& [name, digest] : Digests()) ::unlinkat(fd_.get(), name.c_str(), 0);
    ::rmdir(path_.c_str());
  }

  int fd() const { return fd_.get(); }
  std::string Text(const std::string& name) const {
    const auto bytes = ReadFile(path_ + "/" + name, 1 << 30);
    return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
  }
  // By file name.
  std::map<std::string, std::string> Digests() const {
    std::map<std::string, std::string> digests;
    DIR* folder = ::opendir(path_.c_str());
    while (const dirent* entry = ::readdir(folder)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") digests[name] = Sha256Hex(Text(name));
    }
    ::closedir(folder);
    return digests;
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

v1::OptimizeSpec Spec(const std::string& text) {
  v1::OptimizeSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// The files of a job; a data set that is not needed has none.
struct Files {
  UniqueFd model;
  UniqueFd calibration;
  UniqueFd evaluation;
};

Files MnistFiles() {
  return {Open("models/mnist_cnn/float.tflite"), Open("data/mnist.npz"), Open("data/mnist.npz")};
}

template <typename Work>
std::vector<InheritedFd> SetFiles(const Files& files, Work& work) {
  std::vector<InheritedFd> fds = {{files.model.get(), kModelFd}};
  work.mutable_model()->set_fd(kModelFd);
  if (files.calibration.valid()) {
    work.mutable_calibration()->set_fd(kCalibrationFd);
    fds.push_back({files.calibration.get(), kCalibrationFd});
  }
  if (files.evaluation.valid()) {
    work.mutable_evaluation()->set_fd(kEvaluationFd);
    fds.push_back({files.evaluation.get(), kEvaluationFd});
  }
  return fds;
}

EngineExit RunOptimize(const Files& files, const v1::OptimizeSpec& spec, const OutputFolder& output,
                       const EngineOptions& options = RealEngine(),
                       engine::v1::EngineRequest request = {}) {
  engine::v1::OptimizeWork& work = *request.mutable_optimize();
  *work.mutable_spec() = spec;
  std::vector<InheritedFd> fds = SetFiles(files, work);
  work.set_output_fd(kOutputFd);
  fds.push_back({output.fd(), kOutputFd});
  request.set_require_sandbox(true);
  return RunEngine(request, fds, options);
}

EngineExit RunValidate(const Files& files, const std::string& spec,
                       engine::v1::EngineRequest request = {}) {
  *request.mutable_validate()->mutable_spec() = Spec(spec);
  const std::vector<InheritedFd> fds = SetFiles(files, *request.mutable_validate());
  return RunEngine(request, fds, RealEngine());
}

EngineExit InspectModel(const UniqueFd& file) {
  engine::v1::EngineRequest request;
  request.mutable_inspect_model()->mutable_model()->set_fd(kModelFd);
  request.set_require_sandbox(true);
  request.set_memory_limit_bytes(512 << 20);
  return RunEngine(request, {{file.get(), kModelFd}}, RealEngine());
}

EngineExit InspectDataset(const UniqueFd& file) {
  engine::v1::EngineRequest request;
  request.mutable_inspect_dataset()->mutable_dataset()->set_fd(kModelFd);
  return RunEngine(request, {{file.get(), kModelFd}}, RealEngine());
}

std::vector<std::string> VariantNames(const v1::Report& report) {
  std::vector<std::string> names;
  for (const v1::VariantReport& variant : report.variants()) {
    names.push_back(absl::StrCat(variant.spec().name(), " ",
                                 v1::VariantReport::State_Name(variant.state()).substr(6)));
  }
  return names;
}

const v1::VariantReport* Find(const v1::Report& report, absl::string_view name) {
  for (const v1::VariantReport& variant : report.variants()) {
    if (variant.spec().name() == name) return &variant;
  }
  ADD_FAILURE() << "no variant " << name;
  return &v1::VariantReport::default_instance();
}

TEST(Engine, TakesMnistFromFileToReport) {
  const OutputFolder output;
  std::set<v1::Stage> stages;
  std::vector<std::string> finished;
  EngineOptions options = RealEngine();
  options.on_message = [&](const engine::v1::EngineMessage& message) {
    if (message.has_progress()) stages.insert(message.progress().stage());
    if (message.has_variant()) finished.push_back(message.variant().spec().name());
  };
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 }"));
  spec.mutable_benchmark()->set_skip(false);
  spec.mutable_benchmark()->set_runs(20);
  const EngineExit exit = RunOptimize(MnistFiles(), spec, output, options);
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_THAT(exit.sandbox, ElementsAre("rlimits", "no_new_privs", "landlock", "seccomp"));
  EXPECT_THAT(stages, ElementsAre(v1::STAGE_IMPORT, v1::STAGE_CALIBRATE, v1::STAGE_QUANTIZE,
                                  v1::STAGE_EVALUATE, v1::STAGE_BENCHMARK, v1::STAGE_REPORT));
  EXPECT_THAT(finished, ElementsAre("float32", "int8"));

  const v1::Report& report = exit.result.report();
  ASSERT_THAT(VariantNames(report), ElementsAre("float32 SUCCEEDED", "int8 SUCCEEDED"));
  // fixtures/README.md: 0.979 and 0.9784 on all 10,000, of which these are the first 1,000.
  const v1::VariantReport& float32 = report.variants(0);
  const v1::VariantReport& int8 = report.variants(1);
  EXPECT_EQ(float32.accuracy().examples(), 1000);
  EXPECT_NEAR(float32.accuracy().top1(), 0.975, 0.01);
  EXPECT_NEAR(int8.accuracy().top1(), float32.accuracy().top1(), 0.003);
  EXPECT_GT(int8.fidelity().sqnr_db(), 40);
  EXPECT_GT(int8.fidelity().argmax_agreement(), 0.995);
  EXPECT_EQ(float32.fidelity().argmax_agreement(), 1);
  EXPECT_LT(int8.artifact().size_bytes(), 25'360 * 1.01);
  EXPECT_LT(int8.artifact().gzip_size_bytes(), int8.artifact().size_bytes());
  EXPECT_LT(int8.size_ratio(), 0.35);
  EXPECT_EQ(int8.latency().samples_ms_size(), 20);
  EXPECT_GT(int8.latency().p50_ms(), 0);
  EXPECT_GT(int8.memory().peak_bytes(), 0);
  EXPECT_GT(int8.operators_size(), 2);
  EXPECT_EQ(int8.inputs(0).type(), "FLOAT32");

  EXPECT_NE(report.engine_build(), "");
  EXPECT_NE(report.cpu_class(), "");
  EXPECT_EQ(report.octavo_version(), "0.1.0");
  EXPECT_GT(report.create_time().seconds(), 1'700'000'000);
  const auto model = ReadFile(TestDataPath("models/mnist_cnn/float.tflite"), 1 << 20);
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(report.model().digest(), Sha256Hex(*model));
  EXPECT_EQ(report.calibration().examples(), 100);
  EXPECT_EQ(report.evaluation().labels(), "test_labels");
  EXPECT_THAT(report.evaluation().digest(), testing::SizeIs(64));
  EXPECT_GT(report.cpu_seconds(), 0);
  EXPECT_GT(report.peak_memory_bytes(), 1 << 20);
  EXPECT_NE(report.verdict(), v1::VERDICT_UNSPECIFIED);

  std::map<std::string, std::string> artifacts;
  for (const v1::Artifact& artifact : exit.result.artifacts()) {
    artifacts[artifact.file_name()] = artifact.digest();
  }
  EXPECT_EQ(artifacts, output.Digests());
  EXPECT_THAT(output.Text("report.json"), HasSubstr("\"engine_build\""));
  EXPECT_THAT(output.Text("report.html"), HasSubstr("<html"));
}

TEST(Engine, GivesTheSameBytesForAnyNumberOfThreads) {
  std::vector<std::map<std::string, std::string>> digests;
  for (const int num_threads : {1, 2, 5}) {
    const OutputFolder output;
    v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "all_variants: true"));
    spec.set_num_threads(num_threads);
    const EngineExit exit = RunOptimize(MnistFiles(), spec, output);
    ASSERT_THAT(exit.status, IsOk());
    EXPECT_THAT(VariantNames(exit.result.report()), Not(Contains(HasSubstr("FAILED"))));
    digests.push_back(output.Digests());
    for (const char* report : {"report.json", "report.html"}) digests.back().erase(report);
    EXPECT_EQ(digests.back().size(), 12u);
    std::set<std::string> different;
    for (const auto& [name, digest] : digests.back()) different.insert(digest);
    EXPECT_EQ(different.size(), 12u);
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_EQ(digests[0], digests[2]);
}

TEST(Engine, SkipsOfAllWhatTheDataDoNotAdmit) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.calibration.Close();
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "all_variants: true"));
  spec.clear_calibration();
  const EngineExit exit = RunOptimize(files, spec, output);
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_THAT(
      VariantNames(exit.result.report()),
      ElementsAre("float32 SUCCEEDED", "float16 SUCCEEDED", "weight-int8 SUCCEEDED",
                  "weight-int4 SUCCEEDED", "dynamic-int8 SUCCEEDED", "dynamic-int4 SUCCEEDED",
                  "int8 SKIPPED", "int8-int8io SKIPPED", "int8-uint8io SKIPPED",
                  "int8-pertensor SKIPPED", "int16x8 SKIPPED", "int16x8-int16io SKIPPED"));
  EXPECT_EQ(Find(exit.result.report(), "int8")->skip_reason(), "there is no calibration set");
}

TEST(Engine, MeasuresFidelityOnTheCalibrationSetWhereThereIsNoOther) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.evaluation.Close();
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 }"));
  spec.clear_evaluation();
  const EngineExit exit = RunOptimize(files, spec, output);
  ASSERT_THAT(exit.status, IsOk());
  const v1::Report& report = exit.result.report();
  EXPECT_FALSE(Find(report, "int8")->has_accuracy());
  EXPECT_EQ(Find(report, "int8")->fidelity().examples(), 100);
  ASSERT_GE(report.warnings_size(), 1);
  EXPECT_EQ(report.warnings(0).reason(), "MEASURED_ON_CALIBRATION_SET");
}

TEST(Engine, ConvertsAloneWhereAsked) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.evaluation.Close();
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 }"));
  spec.clear_evaluation();
  spec.set_skip_evaluation(true);
  const EngineExit exit = RunOptimize(files, spec, output);
  ASSERT_THAT(exit.status, IsOk());
  ASSERT_THAT(VariantNames(exit.result.report()), ElementsAre("int8 SUCCEEDED"));
  EXPECT_FALSE(exit.result.report().variants(0).has_fidelity());
  EXPECT_GT(exit.result.report().variants(0).artifact().size_bytes(), 20'000);
}

TEST(Engine, TellsThatSetsShareExamples) {
  const OutputFolder output;
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_FLOAT16 }"));
  *spec.mutable_evaluation() = spec.calibration();
  spec.mutable_evaluation()->set_max_examples(7);
  const EngineExit exit = RunOptimize(MnistFiles(), spec, output);
  ASSERT_THAT(exit.status, IsOk());
  ASSERT_GE(exit.result.report().warnings_size(), 1);
  EXPECT_EQ(exit.result.report().warnings(0).reason(), "SETS_SHARE_EXAMPLES");
}

// An engine that is given `statistics`; what it says of them is put there.
EngineExit RunWithStatistics(const v1::OptimizeSpec& spec, const OutputFolder& output,
                             std::string& statistics) {
  engine::v1::EngineRequest request;
  request.mutable_optimize()->set_statistics(std::exchange(statistics, ""));
  request.mutable_optimize()->set_send_statistics(true);
  EngineOptions options = RealEngine();
  options.on_message = [&](const engine::v1::EngineMessage& message) {
    if (message.has_statistics()) statistics = message.statistics();
  };
  return RunOptimize(MnistFiles(), spec, output, options, request);
}

TEST(Engine, MakesTheSameOfStatisticsThatWereKept) {
  for (const auto observer : {v1::OBSERVER_KIND_MIN_MAX, v1::OBSERVER_KIND_MOVING_AVERAGE,
                              v1::OBSERVER_KIND_ENTROPY, v1::OBSERVER_KIND_AUTO}) {
    v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, R"(
        variants { scheme: SCHEME_INT8 } variants { scheme: SCHEME_INT16X8 })"));
    spec.set_observer(observer);
    const OutputFolder measured, taken_over;
    std::string statistics;
    const EngineExit first = RunWithStatistics(spec, measured, statistics);
    ASSERT_THAT(first.status, IsOk());
    EXPECT_FALSE(first.result.report().calibration_cached());
    ASSERT_THAT(statistics, Not(IsEmpty()));

    const EngineExit second = RunWithStatistics(spec, taken_over, statistics);
    ASSERT_THAT(second.status, IsOk());
    EXPECT_TRUE(second.result.report().calibration_cached());
    EXPECT_THAT(statistics, IsEmpty());
    EXPECT_EQ(first.result.report().warnings_size(), second.result.report().warnings_size());
    for (const char* name : {"int8.tflite", "int16x8.tflite"}) {
      EXPECT_EQ(measured.Digests()[name], taken_over.Digests()[name]) << observer << name;
    }
  }
}

TEST(Engine, CalibratesAnewWhereStatisticsAreOfAnotherJob) {
  const v1::OptimizeSpec spec =
      Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 } skip_evaluation: true"));
  std::string kept;
  ASSERT_THAT(RunWithStatistics(spec, OutputFolder(), kept).status, IsOk());
  v1::OptimizeSpec fewer = spec;
  fewer.mutable_calibration()->set_max_examples(99);
  v1::OptimizeSpec scaled = spec;
  scaled.mutable_preprocess(0)->set_scale(0, 1);
  v1::OptimizeSpec with_histograms = spec;
  with_histograms.set_observer(v1::OBSERVER_KIND_PERCENTILE);
  for (const v1::OptimizeSpec& other : {fewer, scaled, with_histograms}) {
    std::string statistics = kept;
    const EngineExit exit = RunWithStatistics(other, OutputFolder(), statistics);
    ASSERT_THAT(exit.status, IsOk());
    EXPECT_FALSE(exit.result.report().calibration_cached());
    EXPECT_NE(statistics, kept);
  }
  std::string nonsense = "no statistics";
  EXPECT_FALSE(
      RunWithStatistics(spec, OutputFolder(), nonsense).result.report().calibration_cached());
  EXPECT_EQ(nonsense, kept);
}

TEST(Engine, DoesNotRedoFinishedVariants) {
  const OutputFolder output;
  const v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist,
                                                  "variants { scheme: SCHEME_INT8 } "
                                                  "variants { scheme: SCHEME_DYNAMIC_INT8 }"));
  const EngineExit first = RunOptimize(MnistFiles(), spec, output);
  ASSERT_THAT(first.status, IsOk());

  engine::v1::EngineRequest request;
  v1::VariantReport& finished = *request.mutable_optimize()->add_finished();
  finished = *Find(first.result.report(), "float32");
  finished.set_quantize_seconds(12345);
  const OutputFolder second_output;
  const EngineExit second = RunOptimize(MnistFiles(), spec, second_output, RealEngine(), request);
  ASSERT_THAT(second.status, IsOk());
  const v1::Report& report = second.result.report();
  EXPECT_EQ(Find(report, "float32")->quantize_seconds(), 12345);
  EXPECT_EQ(second_output.Digests().count("float32.tflite"), 0u);
  // Its outputs are what the others are measured against all the same.
  EXPECT_EQ(Find(report, "int8")->fidelity().sqnr_db(),
            Find(first.result.report(), "int8")->fidelity().sqnr_db());
}

TEST(Engine, RunsNothingWhereEveryVariantIsFinished) {
  const OutputFolder output;
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 }"));
  const EngineExit first = RunOptimize(MnistFiles(), spec, output);
  ASSERT_THAT(first.status, IsOk());

  engine::v1::EngineRequest request;
  *request.mutable_optimize()->mutable_finished() = first.result.report().variants();
  std::set<v1::Stage> stages;
  EngineOptions options = RealEngine();
  options.on_message = [&](const engine::v1::EngineMessage& message) {
    if (message.has_progress()) stages.insert(message.progress().stage());
  };
  const EngineExit second = RunOptimize(MnistFiles(), spec, output, options, request);
  ASSERT_THAT(second.status, IsOk());
  EXPECT_THAT(stages, ElementsAre(v1::STAGE_IMPORT, v1::STAGE_REPORT));
  EXPECT_THAT(VariantNames(second.result.report()),
              ElementsAre("float32 SUCCEEDED", "int8 SUCCEEDED"));
}

TEST(Engine, ComparesSizesWithFloat32AndNothingElse) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.evaluation.Close();
  v1::OptimizeSpec spec = Spec(absl::StrCat(kMnist, R"(
      variants { scheme: SCHEME_INT8 } variants { scheme: SCHEME_FLOAT16 }
      goals { max_size_ratio: 2 } skip_evaluation: true)"));
  spec.clear_evaluation();
  std::vector<v1::VariantReport> told;
  EngineOptions options = RealEngine();
  options.on_message = [&](const engine::v1::EngineMessage& message) {
    if (message.has_variant()) told.push_back(message.variant());
  };
  const EngineExit exit = RunOptimize(files, spec, output, options);
  ASSERT_THAT(exit.status, IsOk());
  ASSERT_EQ(told.size(), 2u);
  for (const v1::VariantReport& variant : told) {
    EXPECT_EQ(variant.size_ratio(), 0) << variant.spec().name();
    ASSERT_EQ(variant.goals_size(), 1);
    EXPECT_FALSE(variant.goals(0).met());
    EXPECT_EQ(variant.goals(0).note(), "there is no float32 variant to compare with");
  }
}

TEST(Engine, HoldsNoGoalsAgainstWhatIsSkipped) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.calibration.Close();
  v1::OptimizeSpec spec =
      Spec(absl::StrCat(kMnist, "all_variants: true goals { max_size_ratio: 0.6 }"));
  spec.clear_calibration();
  const EngineExit exit = RunOptimize(files, spec, output);
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_EQ(Find(exit.result.report(), "float16")->goals_size(), 1);
  EXPECT_EQ(Find(exit.result.report(), "int8")->goals_size(), 0);
}

TEST(Engine, ValidatesWithoutMaking) {
  const EngineExit exit = RunValidate(MnistFiles(), absl::StrCat(kMnist, "all_variants: true"));
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_EQ(exit.result.report().variants_size(), 12);
  EXPECT_EQ(exit.result.report().evaluation().examples(), 1000);
  EXPECT_EQ(exit.result.report().spec().variants_size(), 12);
}

TEST(Engine, NamesWhatDoesNotFit) {
  const EngineExit exit =
      RunValidate({Open("models/resnet18_slim/float.tflite"), Open("data/mnist.npz"), UniqueFd()},
                  R"(calibration { bindings { arrays: "calib_images" } }
                     variants { scheme: SCHEME_INT8 })");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(HasSubstr("calibration set"), HasSubstr("28, 28"),
                                          HasSubstr("32, 32, 3"))));
  EXPECT_EQ(ReasonOf(exit.status), "TENSOR_MISMATCH");
}

std::string Floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(Engine, NamesTheExampleThatIsNotANumber) {
  std::vector<float> images(5 * 28 * 28, 0.5f);
  images[3 * 28 * 28 + 7] = std::numeric_limits<float>::quiet_NaN();
  Files files = {Open("models/mnist_cnn/float.tflite"),
                 FileOf(ZipBytes(
                     {{.name = "x.npy", .bytes = NpyBytes("<f4", "(5, 28, 28)", Floats(images))}})),
                 UniqueFd()};
  const std::string spec = "calibration {} variants { scheme: SCHEME_INT8 }";
  const EngineExit exit = RunValidate(files, spec);
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInvalidArgument,
                                    AllOf(HasSubstr("calibration set"), HasSubstr("example 3"))));
  EXPECT_EQ(ReasonOf(exit.status), "NOT_FINITE");
  const OutputFolder output;
  EXPECT_THAT(RunOptimize(files, Spec(spec), output).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("example 3")));
  EXPECT_THAT(output.Digests(), IsEmpty());
}

TEST(Engine, LooksAtTheValuesOfTheEvaluationSetInTheJobAlone) {
  std::vector<float> images(5 * 28 * 28, 0.5f);
  images[3 * 28 * 28 + 7] = std::numeric_limits<float>::infinity();
  const Files files = {
      Open("models/mnist_cnn/float.tflite"), UniqueFd(),
      FileOf(
          ZipBytes({{.name = "x.npy", .bytes = NpyBytes("<f4", "(5, 28, 28)", Floats(images))}}))};
  const std::string spec = "evaluation {} variants { scheme: SCHEME_FLOAT16 }";
  EXPECT_THAT(RunValidate(files, spec).status, IsOk());
  const OutputFolder output;
  const EngineExit exit = RunOptimize(files, Spec(spec), output);
  EXPECT_THAT(exit.status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("evaluation: example 3: input"), HasSubstr("not finite"))));
  EXPECT_EQ(ReasonOf(exit.status), "NOT_FINITE");
}

TEST(Engine, RefusesSetsThatTakeHalfItsMemory) {
  const int64_t examples = 30'000;
  const std::string images(examples * 28 * 28, '\0');
  const std::string set =
      ZipBytes({{.name = "x.npy",
                 .bytes = NpyBytes("|u1", absl::StrCat("(", examples, ", 28, 28)"), images),
                 .deflate = true}});
  const Files files = {Open("models/mnist_cnn/float.tflite"), FileOf(set), FileOf(set)};
  engine::v1::EngineRequest request;
  request.set_memory_limit_bytes(64 << 20);
  const auto spec = [](int64_t calibrated, int64_t evaluated) {
    return absl::StrCat("calibration { max_examples: ", calibrated,
                        "} evaluation { max_examples: ", evaluated,
                        "} variants { scheme: SCHEME_INT8 }");
  };
  EXPECT_THAT(RunValidate(files, spec(10, examples), request).status, IsOk());
  // 23.5 MB each.
  const EngineExit both = RunValidate(files, spec(examples, examples), request);
  EXPECT_THAT(both.status, StatusIs(absl::StatusCode::kResourceExhausted,
                                    AllOf(HasSubstr("evaluation set"), HasSubstr("numpy.savez"))));
  EXPECT_EQ(ReasonOf(both.status), "DATASET_TOO_LARGE");
  EXPECT_FALSE(both.out_of_memory);
  request.set_memory_limit_bytes(40 << 20);
  const OutputFolder output;
  const EngineExit one =
      RunOptimize(files, Spec(spec(10, examples)), output, RealEngine(), request);
  EXPECT_EQ(ReasonOf(one.status), "DATASET_TOO_LARGE");
}

TEST(Engine, NamesTheLabelThatIsNoClass) {
  const std::string images(5 * 28 * 28, '\1');
  const Files files = {
      Open("models/mnist_cnn/float.tflite"), UniqueFd(),
      FileOf(ZipBytes(
          {{.name = "x.npy", .bytes = NpyBytes("|u1", "(5, 28, 28)", images)},
           {.name = "y.npy", .bytes = NpyBytes("|u1", "(5,)", std::string("\1\2\x0a\3\4", 5))}}))};
  const EngineExit exit = RunValidate(files, "evaluation {} variants { scheme: SCHEME_FLOAT16 }");
  EXPECT_THAT(exit.status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation set: example 2 has the label 10, and the model has 10 classes"));
}

TEST(Engine, RefusesAStaticSchemeWithoutCalibration) {
  const EngineExit exit =
      RunValidate({Open("models/mnist_cnn/float.tflite"), UniqueFd(), UniqueFd()},
                  "variants { scheme: SCHEME_INT8 }");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(exit.status), "NO_CALIBRATION");
}

TEST(Engine, RefusesAQuantizedModel) {
  const EngineExit exit =
      RunValidate({Open("reference/mnist_cnn/int8_float_io.tflite"), UniqueFd(), UniqueFd()},
                  "variants { scheme: SCHEME_FLOAT16 }");
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(ReasonOf(exit.status), "NOT_FLOAT");
}

TEST(Engine, GivesAQuantizedModelOtherInputsAndOutputs) {
  const OutputFolder output;
  Files files = MnistFiles();
  files.model = Open("reference/mnist_cnn/int8_float_io.tflite");
  const EngineExit exit =
      RunOptimize(files, Spec(absl::StrCat(kMnist, "all_variants: true")), output);
  ASSERT_THAT(exit.status, IsOk());
  const v1::Report& report = exit.result.report();
  EXPECT_THAT(VariantNames(report),
              ElementsAre("original SUCCEEDED", "io-float32 SUCCEEDED", "io-int8 SUCCEEDED",
                          "io-uint8 SUCCEEDED", "io-int16 SKIPPED"));
  for (const char* name : {"io-float32", "io-int8", "io-uint8"}) {
    EXPECT_EQ(Find(report, name)->accuracy().top1(), Find(report, "original")->accuracy().top1());
  }
  EXPECT_EQ(Find(report, "io-uint8")->inputs(0).type(), "UINT8");
}

TEST(Engine, InspectsAModel) {
  const EngineExit exit = InspectModel(Open("models/mnist_cnn/float.tflite"));
  ASSERT_THAT(exit.status, IsOk());
  const v1::ModelInfo& info = exit.result.model_info();
  EXPECT_EQ(info.format(), "tflite");
  EXPECT_THAT(info.digest(), testing::SizeIs(64));
  ASSERT_EQ(info.inputs_size(), 1);
  EXPECT_THAT(info.inputs(0).shape(), ElementsAre(-1, 28, 28));
  EXPECT_EQ(info.inputs(0).type(), "FLOAT32");
  EXPECT_TRUE(info.is_float());
  EXPECT_GE(info.parameters(), 20'410);
  EXPECT_LT(info.parameters(), 20'500);
  std::set<std::string> operators;
  for (const v1::OperatorCount& row : info.operators()) operators.insert(row.name());
  EXPECT_THAT(operators, testing::IsSupersetOf({"CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"}));
}

TEST(Engine, RejectsWhatIsNoModel) {
  std::string truncated;
  {
    const auto bytes = ReadFile(TestDataPath("models/mnist_cnn/float.tflite"), 1 << 20);
    ASSERT_THAT(bytes, IsOk());
    truncated.assign(bytes->begin(), bytes->begin() + 40'000);
  }
  for (const std::string& text :
       {std::string("not a model"), std::string(), std::string("\4\0\0\0TFL3", 8), truncated}) {
    const EngineExit exit = InspectModel(FileOf(text));
    EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_EQ(ReasonOf(exit.status), "MODEL_MALFORMED") << exit.status;
  }
}

TEST(Engine, NamesTheOperatorsThatItDoesNotRead) {
  const auto bytes = WriteModel(WithCustomOperator("Unheard"));
  ASSERT_THAT(bytes, IsOk());
  const EngineExit exit = InspectModel(FileOf(std::string(bytes->begin(), bytes->end())));
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("Unheard")));
  EXPECT_EQ(ReasonOf(exit.status), "OP_UNSUPPORTED");
}

// It is read and its shapes are known, but nobody could run it.
TEST(Engine, NamesAnOperatorThatNobodyRuns) {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 4}, schema::TensorType_INT64);
  const TensorIndex y = builder.Tensor("y", {1, 4}, schema::TensorType_INT64);
  builder.Op(schema::BuiltinOperator_EXP, {x}, {y}, schema::ExpOptionsT());
  builder.Output(y);
  const auto bytes = WriteModel(builder.Build());
  ASSERT_THAT(bytes, IsOk());
  const EngineExit exit = InspectModel(FileOf(std::string(bytes->begin(), bytes->end())));
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("EXP")));
  EXPECT_EQ(ReasonOf(exit.status), "OP_UNSUPPORTED");
}

// One operator without weights.
UniqueFd ModelWithoutConstants() {
  ModelBuilder builder;
  const TensorIndex x = builder.Input("x", {1, 4});
  const TensorIndex y = builder.Tensor("y", {1, 4});
  builder.Op(schema::BuiltinOperator_RELU, {x}, {y});
  builder.Output(y);
  const auto bytes = WriteModel(builder.Build());
  EXPECT_THAT(bytes, IsOk());
  return FileOf(std::string(bytes->begin(), bytes->end()));
}

TEST(Engine, SkipsAmongAllWhatTheModelDoesNotAdmit) {
  const OutputFolder output;
  const EngineExit exit = RunOptimize({.model = ModelWithoutConstants()},
                                      Spec("all_variants: true benchmark { skip: true }"), output);
  ASSERT_THAT(exit.status, IsOk());
  for (const char* name : {"float16", "dynamic-int8"}) {
    const v1::VariantReport& variant = *Find(exit.result.report(), name);
    EXPECT_EQ(variant.state(), v1::VariantReport::STATE_SKIPPED);
    EXPECT_EQ(variant.skip_reason(), absl::StrCat(name, " leaves every operator in float"));
  }
}

TEST(Engine, FailsANamedVariantThatTheModelDoesNotAdmit) {
  const OutputFolder output;
  const EngineExit exit =
      RunOptimize({.model = ModelWithoutConstants()},
                  Spec("variants { scheme: SCHEME_FLOAT16 } benchmark { skip: true }"), output);
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_EQ(Find(exit.result.report(), "float16")->state(), v1::VariantReport::STATE_FAILED);
  EXPECT_EQ(exit.result.report().verdict(), v1::VERDICT_PARTIAL);
}

TEST(Engine, InspectsADataSet) {
  const EngineExit exit = InspectDataset(Open("data/mnist.npz"));
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_EQ(exit.result.dataset_info().arrays_size(), 4);
  EXPECT_THAT(exit.result.dataset_info().digest(), testing::SizeIs(64));
  EXPECT_THAT(InspectDataset(FileOf("not a zip")).status,
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Engine, DescribesItself) {
  engine::v1::EngineRequest request;
  request.mutable_describe();
  const EngineExit exit = RunEngine(request, {}, RealEngine());
  ASSERT_THAT(exit.status, IsOk());
  EXPECT_THAT(exit.result.description().operators(), Contains("CONV_2D"));
  EXPECT_THAT(exit.result.description().int8_operators(), Contains("CONV_2D"));
  EXPECT_THAT(exit.result.description().operators(), Contains("POW"));
  EXPECT_THAT(exit.result.description().int8_operators(), Not(Contains("POW")));
  EXPECT_THAT(exit.result.description().engine_build(), testing::SizeIs(16));
}

TEST(Engine, EndsOfItselfWhereMemoryIsShort) {
  if (kHasSanitizer) GTEST_SKIP() << "sanitizers need memory of their own";
  engine::v1::EngineRequest request;
  request.set_memory_limit_bytes(16 << 20);
  const OutputFolder output;
  const EngineExit exit =
      RunOptimize({Open("models/mobilenet_v2/float.tflite"), UniqueFd(), UniqueFd()},
                  Spec("variants { scheme: SCHEME_FLOAT16 } benchmark { skip: true }"), output,
                  RealEngine(), request);
  EXPECT_THAT(exit.status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(exit.status), "WORKER_OOM");
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_LT(exit.peak_memory_bytes, 100 << 20);
}

TEST(Engine, FailsAVariantThatDoesNotFitIntoItsFile) {
  engine::v1::EngineRequest request;
  request.set_file_limit_bytes(60'000);
  const OutputFolder output;
  const EngineExit exit =
      RunOptimize(MnistFiles(), Spec(absl::StrCat(kMnist, "variants { scheme: SCHEME_INT8 }")),
                  output, RealEngine(), request);
  // The float32 file has 85 kB, and nothing is measured without it.
  EXPECT_THAT(exit.status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("variant float32")));
  EXPECT_THAT(output.Digests(), IsEmpty());
}

TEST(Engine, EndsWhenItsControlPipeDoes) {
  engine::v1::EngineRequest request;
  *request.mutable_optimize()->mutable_spec() = Spec(absl::StrCat(kMnist, "all_variants: true"));
  request.mutable_optimize()->mutable_spec()->mutable_benchmark()->set_skip(false);
  const Files files = MnistFiles();
  SetFiles(files, *request.mutable_optimize());
  const OutputFolder output;
  request.mutable_optimize()->set_output_fd(kOutputFd);
  const UniqueFd request_file = FileOf(request.SerializeAsString());

  int control[2], progress[2];
  ASSERT_EQ(::pipe2(control, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(progress, O_CLOEXEC), 0);
  ChildCommand command;
  command.program = RealEngine().program;
  command.arguments = {"optimize", "--request-fd", "3", "--progress-fd", "4", "--control-fd", "5"};
  command.fds = {{request_file.get(), 3},
                 {progress[1], 4},
                 {control[0], 5},
                 {files.model.get(), kModelFd},
                 {files.calibration.get(), kCalibrationFd},
                 {files.evaluation.get(), kEvaluationFd},
                 {output.fd(), kOutputFd}};
  auto child = ChildProcess::Start(command);
  ASSERT_THAT(child, IsOk());
  ::close(progress[1]);
  ::close(control[0]);
  // Until it has said something, so that it is at work.
  char byte;
  ASSERT_EQ(::read(progress[0], &byte, 1), 1);
  ::close(control[1]);
  // Not Reap, which would kill it.
  char rest[4096];
  while (::read(progress[0], rest, sizeof rest) > 0) {
  }
  ::close(progress[0]);
  EXPECT_EQ(child->Reap().exit_code, kOrphanedExitCode);
}

TEST(Engine, SaysWhatItIsToWhoeverRunsItByHand) {
  ChildCommand command;
  command.program = RealEngine().program;
  int output[2];
  ASSERT_EQ(::pipe2(output, O_CLOEXEC), 0);
  command.fds = {{output[1], STDOUT_FILENO}};
  auto child = ChildProcess::Start(command);
  ASSERT_THAT(child, IsOk());
  ::close(output[1]);
  char text[4096];
  const ssize_t count = ::read(output[0], text, sizeof text);
  ::close(output[0]);
  ASSERT_GT(count, 0);
  EXPECT_THAT(std::string(text, count), HasSubstr("octavo optimize --local"));
  EXPECT_EQ(child->Reap().exit_code, 0);
}

}  // namespace
}  // namespace octavo
