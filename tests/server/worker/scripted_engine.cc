// Stands in for octavo-engine and does what the model's bytes say, one word.

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/engine/engine_exit_code.h"
#include "core/engine/progress_pipe.h"
#include "google/rpc/status.pb.h"
#include "octavo/engine/v1/engine.pb.h"

namespace octavo {
namespace {

constexpr int kRequestFd = 3;
constexpr int kProgressFd = 4;

using engine::v1::EngineMessage;
using engine::v1::EngineRequest;

void Send(const EngineMessage& message) {
  if (!WriteMessage(kProgressFd, message).ok()) std::_Exit(1);
}

void SendProgress(v1::Stage stage, int64_t done) {
  EngineMessage message;
  message.mutable_progress()->set_stage(stage);
  message.mutable_progress()->set_done(done);
  Send(message);
}

void SendError(int code, const std::string& text) {
  EngineMessage message;
  message.mutable_error()->set_code(code);
  message.mutable_error()->set_message(text);
  Send(message);
}

// Characters of two bytes.
std::string ManyUmlauts() {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\u00e4";
  return text;
}

void Crash() {
  ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would make an exit code of it
  ::raise(SIGSEGV);
}

[[noreturn]] void Hang() {
  while (true) ::pause();
}

std::string Contents(int fd) {
  const auto bytes = ReadFile(fd, 1 << 20);
  return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
}

v1::Artifact WriteArtifact(int folder, const std::string& name, const std::string& bytes) {
  const UniqueFd fd(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (!WriteAll(fd.get(), bytes).ok()) std::_Exit(1);
  v1::Artifact artifact;
  artifact.set_file_name(name);
  artifact.set_digest(Sha256Hex(bytes));
  artifact.set_size_bytes(bytes.size());
  return artifact;
}

v1::VariantReport Variant(const std::string& name, const v1::Artifact& artifact) {
  v1::VariantReport variant;
  variant.mutable_spec()->set_name(name);
  variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
  *variant.mutable_artifact() = artifact;
  return variant;
}

void SendVariant(const v1::VariantReport& variant) {
  EngineMessage message;
  *message.mutable_variant() = variant;
  Send(message);
}

EngineMessage Result(const std::vector<v1::VariantReport>& variants,
                     const std::vector<v1::Artifact>& others) {
  EngineMessage message;
  engine::v1::EngineResult& result = *message.mutable_result();
  result.mutable_report()->set_verdict(v1::VERDICT_PASS);
  for (const v1::VariantReport& variant : variants) {
    *result.mutable_report()->add_variants() = variant;
    *result.add_artifacts() = variant.artifact();
  }
  for (const v1::Artifact& artifact : others) *result.add_artifacts() = artifact;
  return message;
}

// A job as it should be. What was finished before is not made again.
void Succeed(const EngineRequest& request) {
  const int folder = request.optimize().output_fd();
  SendProgress(v1::STAGE_IMPORT, 0);
  if (request.optimize().send_statistics() && request.optimize().statistics().empty()) {
    EngineMessage message;
    message.set_statistics("gathered");
    Send(message);
  }
  std::vector<v1::VariantReport> variants(request.optimize().finished().begin(),
                                          request.optimize().finished().end());
  if (variants.empty()) {
    variants.push_back(Variant(
        "int8",
        WriteArtifact(folder, "int8.tflite", Contents(request.optimize().calibration().fd()))));
  }
  SendVariant(variants[0]);
  SendProgress(v1::STAGE_REPORT, 1);
  Send(Result(variants, {WriteArtifact(folder, "report.html", "<html>")}));
}

// A report of 100 bytes for each operator and each of its variant's goals.
void SendLargeReport(const EngineRequest& request, int goals, int operators) {
  v1::VariantReport variant =
      Variant("int8", WriteArtifact(request.optimize().output_fd(), "int8.tflite", "bytes"));
  for (int i = 0; i < operators; ++i) variant.add_operators()->set_note(std::string(100, 'x'));
  for (int i = 0; i < goals; ++i) variant.add_goals()->set_note(std::string(100, 'x'));
  Send(Result({variant}, {}));
}

// Finishes a variant and then waits to be killed; the next attempt must find the variant.
void FinishOneThenHang(const EngineRequest& request) {
  const int folder = request.optimize().output_fd();
  if (request.optimize().finished().empty()) {
    SendVariant(Variant("int8", WriteArtifact(folder, "int8.tflite", "first attempt")));
    Hang();
  }
  const UniqueFd fd(::openat(folder, "int8.tflite", O_RDONLY));
  if (Contents(fd.get()) != "first attempt") return SendError(13, "the finished variant is gone");
  Succeed(request);
}

// Ends with one artifact that is not what it should be.
void SendBad(const EngineRequest& request, const std::function<v1::Artifact(int folder)>& make) {
  Send(Result({}, {make(request.optimize().output_fd())}));
}

v1::Artifact Named(const std::string& name) {
  v1::Artifact artifact;
  artifact.set_file_name(name);
  artifact.set_digest(Sha256Hex(""));
  return artifact;
}

using Act = std::function<void(const EngineRequest&)>;

const std::map<std::string, Act>& Acts() {
  static const auto& acts = *new std::map<std::string, Act>{
      {"succeed", Succeed},
      {"finish-one", FinishOneThenHang},
      {"abort",
       [](const EngineRequest&) {
         std::fputs("about to abort\n", stderr);
         std::abort();
       }},
      {"segfault", [](const EngineRequest&) { Crash(); }},
      {"kill-itself", [](const EngineRequest&) { ::raise(SIGKILL); }},
      {"file-limit", [](const EngineRequest&) { ::raise(SIGXFSZ); }},
      {"out-of-memory", [](const EngineRequest&) { std::_Exit(kOutOfMemoryExitCode); }},
      {"hang",
       [](const EngineRequest&) {
         SendProgress(v1::STAGE_CALIBRATE, 7);
         Hang();
       }},
      {"error", [](const EngineRequest&) { SendError(3, "tensor 'x' is not finite"); }},
      // Cut at 4,000 bytes and at 64 there would be half a character left.
      {"long-error", [](const EngineRequest&) { SendError(3, "x" + ManyUmlauts()); }},
      {"long-variant",
       [](const EngineRequest&) {
         EngineMessage message;
         message.mutable_progress()->set_stage(v1::STAGE_QUANTIZE);
         message.mutable_progress()->set_variant("x" + ManyUmlauts());
         message.mutable_progress()->set_done(7);
         Send(message);
         Hang();
       }},
      {"cancelled", [](const EngineRequest&) { SendError(1, "I was cancelled"); }},
      // As the kernel ends one that does not listen to SIGXCPU.
      {"burn",
       [](const EngineRequest&) {
         while (std::clock() < 1.1 * CLOCKS_PER_SEC) {
         }
         ::raise(SIGKILL);
       }},
      {"disk-full",
       [](const EngineRequest&) {
         EngineMessage message;
         *message.mutable_error() = ToRpcStatus(ErrnoStatus(ENOSPC, "writing int8.tflite"));
         Send(message);
       }},
      {"large-info",
       [](const EngineRequest&) {
         EngineMessage message;
         for (int i = 0; i < 2000; ++i) {
           message.mutable_result()->mutable_model_info()->add_operators()->set_name(
               std::string(600, 'x'));
         }
         Send(message);
       }},
      {"large-report", [](const EngineRequest& request) { SendLargeReport(request, 2, 40'000); }},
      {"larger-report", [](const EngineRequest& request) { SendLargeReport(request, 40'000, 2); }},
      {"other-variant",
       [](const EngineRequest& request) {
         const int folder = request.optimize().output_fd();
         SendVariant(Variant("nobody-asked", WriteArtifact(folder, "a.tflite", "a")));
         v1::VariantReport large = Variant("int8", WriteArtifact(folder, "b.tflite", "b"));
         large.set_skip_reason(std::string(5 << 20, 'x'));
         SendVariant(large);
         SendVariant(Variant("float16", WriteArtifact(folder, "c.tflite", "c")));
         Send(Result({}, {}));
       }},
      {"internal", [](const EngineRequest&) { SendError(13, "our bug"); }},
      {"nonsense",
       [](const EngineRequest&) {
         (void)!::write(kProgressFd, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
       }},
      {"wrong-digest",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           v1::Artifact artifact = WriteArtifact(folder, "a.tflite", "bytes");
           artifact.set_digest(Sha256Hex("other bytes"));
           return artifact;
         });
       }},
      {"wrong-variant",
       [](const EngineRequest& request) {
         v1::Artifact artifact = WriteArtifact(request.optimize().output_fd(), "a.tflite", "bytes");
         artifact.set_digest(Sha256Hex("other bytes"));
         SendVariant(Variant("int8", artifact));
         Hang();
       }},
      {"wrong-size",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           v1::Artifact artifact = WriteArtifact(folder, "a.tflite", "bytes");
           artifact.set_size_bytes(1);
           return artifact;
         });
       }},
      {"path", [](const EngineRequest& r) { SendBad(r, [](int) { return Named("../x"); }); }},
      {"absolute",
       [](const EngineRequest& r) { SendBad(r, [](int) { return Named("/etc/passwd"); }); }},
      {"hidden", [](const EngineRequest& r) { SendBad(r, [](int) { return Named(".."); }); }},
      {"missing", [](const EngineRequest& r) { SendBad(r, [](int) { return Named("none"); }); }},
      {"link",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           (void)!::symlinkat("/etc/passwd", folder, "link");
           return Named("link");
         });
       }},
      {"pipe",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           (void)!::mkfifoat(folder, "pipe", 0600);
           return Named("pipe");
         });
       }},
      {"folder",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           (void)!::mkdirat(folder, "folder", 0700);
           return Named("folder");
         });
       }},
      {"too-many",
       [](const EngineRequest& request) {
         std::vector<v1::Artifact> artifacts;
         for (int i = 0; i < 11; ++i) {
           artifacts.push_back(WriteArtifact(request.optimize().output_fd(), absl::StrCat(i), "x"));
         }
         Send(Result({}, artifacts));
       }},
      {"fill-disk",
       [](const EngineRequest& request) {
         for (int i = 0; i < 20; ++i) {
           WriteArtifact(request.optimize().output_fd(), absl::StrCat(i),
                         std::string(100'000, 'x'));
         }
         Hang();
       }},
      {"too-large",
       [](const EngineRequest& request) {
         SendBad(request, [](int folder) {
           return WriteArtifact(folder, "large", std::string(1'000'001, 'x'));
         });
       }},
  };
  return acts;
}

void Inspect(const EngineRequest& request, const engine::v1::DataFile& file) {
  const std::string word = Contents(file.fd());
  if (word != "succeed") return Acts().at(word)(request);
  EngineMessage message;
  message.mutable_result()->mutable_model_info()->set_description(file.name());
  message.mutable_result()->mutable_dataset_info()->set_digest(file.digest());
  message.mutable_result()->mutable_report()->set_recommendation_reason(
      absl::StrCat(Contents(request.validate().calibration().fd()), "/",
                   Contents(request.validate().evaluation().fd())));
  Send(message);
}

void Run() {
  EngineRequest request;
  request.ParseFromString(Contents(kRequestFd));
  if (request.has_inspect_model()) return Inspect(request, request.inspect_model().model());
  if (request.has_inspect_dataset()) return Inspect(request, request.inspect_dataset().dataset());
  if (request.has_validate()) return Inspect(request, request.validate().model());
  Acts().at(Contents(request.optimize().model().fd()))(request);
}

}  // namespace
}  // namespace octavo

int main() { octavo::Run(); }
