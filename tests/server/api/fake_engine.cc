// Stands in for octavo-engine: what it finds in a file and what becomes of a job is what the file's
// first word says.
//
// Models: "model" is READY; "unsupported" has an operator that nobody knows; "crash" aborts; all
// else is malformed.
//
// Data sets: "data" is READY; all else is malformed. Validating refuses a calibration set with the
// word "nan", and one with "many" takes too much memory.
//
// Jobs: a model with the word "slow" runs until it is killed, "broken" fails, all else gives two
// variants.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/progress_pipe.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {
namespace {

using engine::v1::EngineMessage;
using engine::v1::EngineRequest;
using engine::v1::EngineResult;

constexpr int kRequestFd = 3;
constexpr int kProgressFd = 4;
constexpr int64_t kMaxBytes = 1 << 20;

std::string ReadText(int fd) {
  const auto bytes = ReadFile(fd, kMaxBytes);
  return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
}

void Send(const EngineMessage& message) { WriteMessage(kProgressFd, message).IgnoreError(); }

void SendProgress(v1::Stage stage, const std::string& variant, int64_t done) {
  EngineMessage message;
  message.mutable_progress()->set_stage(stage);
  message.mutable_progress()->set_variant(variant);
  message.mutable_progress()->set_done(done);
  message.mutable_progress()->set_total(100);
  Send(message);
}

absl::StatusOr<EngineResult> InspectModel(const std::string& text) {
  if (absl::StartsWith(text, "crash")) std::abort();
  if (absl::StartsWith(text, "unsupported")) {
    return WithReason(absl::FailedPreconditionError("operator 3 (FOO): nobody knows it"),
                      "OP_UNSUPPORTED", {{"operator", "FOO"}});
  }
  if (!absl::StartsWith(text, "model")) {
    return WithReason(absl::InvalidArgumentError("not a model"), "MODEL_MALFORMED");
  }
  EngineResult result;
  result.mutable_model_info()->set_format("tflite");
  result.mutable_model_info()->add_inputs()->set_name("x");
  result.mutable_model_info()->set_is_float(true);
  return result;
}

absl::StatusOr<EngineResult> InspectDataset(const std::string& text) {
  if (!absl::StartsWith(text, "data")) {
    return WithReason(absl::InvalidArgumentError("not a data set"), "DATASET_MALFORMED");
  }
  EngineResult result;
  result.mutable_dataset_info()->set_format("npz");
  result.mutable_dataset_info()->add_arrays()->set_name("x");
  return result;
}

absl::StatusOr<EngineResult> Validate(const engine::v1::ValidateWork& work) {
  if (work.has_calibration() && absl::StrContains(ReadText(work.calibration().fd()), "nan")) {
    return WithReason(absl::InvalidArgumentError("calibration example 3: array 'x' is not finite"),
                      "TENSOR_MISMATCH");
  }
  if (work.has_calibration() && absl::StrContains(ReadText(work.calibration().fd()), "many")) {
    std::_Exit(kOutOfMemoryExitCode);
  }
  EngineResult result;
  *result.mutable_report()->mutable_spec() = work.spec();
  return result;
}

v1::Artifact WriteArtifact(int folder, const std::string& name, const std::string& text) {
  const UniqueFd file(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (!WriteAll(file.get(), text).ok()) std::_Exit(1);
  v1::Artifact artifact;
  artifact.set_digest(Sha256Hex(text));
  artifact.set_file_name(name);
  artifact.set_size_bytes(static_cast<int64_t>(text.size()));
  return artifact;
}

v1::VariantReport MakeVariant(int folder, const std::string& name, v1::Scheme scheme, size_t size) {
  v1::VariantReport variant;
  variant.mutable_spec()->set_name(name);
  variant.mutable_spec()->set_scheme(scheme);
  variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
  *variant.mutable_artifact() =
      WriteArtifact(folder, name + ".tflite", std::string(size, name.front()));
  variant.set_size_ratio(static_cast<double>(size) / 700'000);
  variant.mutable_accuracy()->set_drop_points(0.2);
  variant.mutable_fidelity()->set_examples(100);
  variant.mutable_latency()->set_ratio(0.6);
  return variant;
}

absl::StatusOr<EngineResult> Optimize(const engine::v1::OptimizeWork& work) {
  const std::string text = ReadText(work.model().fd());
  SendProgress(v1::STAGE_IMPORT, "", 0);
  if (absl::StrContains(text, "slow")) {
    while (true) ::pause();
  }
  if (absl::StrContains(text, "broken")) {
    return WithReason(absl::InvalidArgumentError("calibration example 7: nothing fits"),
                      "TENSOR_MISMATCH");
  }
  EngineResult result;
  v1::Report& report = *result.mutable_report();
  *report.mutable_spec() = work.spec();
  report.set_verdict(v1::VERDICT_PASS);
  report.set_recommended_variant("int8");
  for (int i = 0; i <= 100; ++i) SendProgress(v1::STAGE_CALIBRATE, "", i);
  // More than one chunk of a download.
  *report.add_variants() = MakeVariant(work.output_fd(), "float32", v1::SCHEME_FLOAT32, 700'000);
  SendProgress(v1::STAGE_QUANTIZE, "int8", 0);
  *report.add_variants() = MakeVariant(work.output_fd(), "int8", v1::SCHEME_INT8, 200'000);
  for (const v1::VariantReport& variant : report.variants()) {
    EngineMessage message;
    *message.mutable_variant() = variant;
    Send(message);
  }
  *result.add_artifacts() = WriteArtifact(work.output_fd(), "report.json", "{}");
  return result;
}

EngineResult Describe() {
  EngineResult result;
  result.mutable_description()->set_octavo_version("0.0.0");
  result.mutable_description()->set_engine_build("fake");
  result.mutable_description()->set_cpu_class("paper");
  result.mutable_description()->add_operators("CONV_2D");
  return result;
}

absl::StatusOr<EngineResult> Work(const EngineRequest& request) {
  switch (request.work_case()) {
    case EngineRequest::kInspectModel:
      return InspectModel(ReadText(request.inspect_model().model().fd()));
    case EngineRequest::kInspectDataset:
      return InspectDataset(ReadText(request.inspect_dataset().dataset().fd()));
    case EngineRequest::kValidate:
      return Validate(request.validate());
    case EngineRequest::kOptimize:
      return Optimize(request.optimize());
    default:
      return Describe();
  }
}

}  // namespace
}  // namespace octavo

int main() {
  const std::string bytes = octavo::ReadText(octavo::kRequestFd);
  octavo::EngineRequest request;
  if (!request.ParseFromString(bytes)) return 1;
  octavo::EngineMessage message;
  message.mutable_sandbox()->add_active("none");
  octavo::Send(message);
  absl::StatusOr<octavo::EngineResult> result = octavo::Work(request);
  if (result.ok()) {
    *message.mutable_result() = *std::move(result);
  } else {
    *message.mutable_error() = octavo::ToRpcStatus(result.status());
  }
  octavo::Send(message);
  return 0;
}
