// octavo optimize: from a model and its data to measured variants, in one command.

#include <cstdio>
#include <fstream>
#include <map>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/data_argument.h"
#include "client/cli/job_display.h"
#include "client/cli/job_outcome.h"
#include "client/cli/local_engine.h"
#include "client/cli/resource_name.h"
#include "client/cli/spec_flags.h"
#include "client/cli/table.h"
#include "client/display_name.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/engine/statistics_cache.h"

namespace octavo {
namespace {

struct Flags {
  std::string model, calibrate, evaluate, out, server, output;
  bool local = false;
  bool no_cache = false;
  int64_t cache_bytes = kUsualCacheBytes;
  SpecFlags spec;
};

// What was asked for, read.
struct Request {
  v1::OptimizeSpec spec;
  std::string model_path, calibration_path, evaluation_path;
};

// A regular file that can be opened, or, of a server, what it has already.
absl::Status CheckSource(const Flags& flags, const std::string& source,
                         absl::string_view collection) {
  if (source.empty() || (!flags.local && IsServerResource(source, collection))) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const UniqueFd file, OpenForReading(source));
  return Annotate(FileSize(file.get()).status(), source);
}

absl::StatusOr<Request> ReadRequest(const Flags& flags) {
  Request request;
  ASSIGN_OR_RETURN(request.spec, ParseSpecFlags(flags.spec));
  request.model_path = flags.model;
  if (!flags.calibrate.empty()) {
    ASSIGN_OR_RETURN(const DataArgument data, ParseDataArgument(flags.calibrate), "--calibrate");
    request.calibration_path = data.path;
    *request.spec.mutable_calibration() = data.use;
    request.spec.mutable_calibration()->set_max_examples(flags.spec.calibrate_examples);
  }
  if (!flags.evaluate.empty()) {
    ASSIGN_OR_RETURN(const DataArgument data, ParseDataArgument(flags.evaluate), "--evaluate");
    request.evaluation_path = data.path;
    request.spec.mutable_evaluation()->MergeFrom(data.use);
    request.spec.mutable_evaluation()->set_max_examples(flags.spec.evaluate_examples);
  }
  RETURN_IF_ERROR(CheckSource(flags, request.model_path, "models"));
  RETURN_IF_ERROR(CheckSource(flags, request.calibration_path, "datasets"));
  RETURN_IF_ERROR(CheckSource(flags, request.evaluation_path, "datasets"));
  return request;
}

void TellOfCache(const v1::Report& report) {
  if (!report.calibration_cached()) return;
  std::fputs("calibration: taken over from an earlier run on the same model and data\n", stderr);
}

// The report as `-o` wants it: the JSON is the file that was written.
void PrintReport(const v1::Report& report, const Flags& flags) {
  TellOfCache(report);
  if (flags.output == "json") {
    std::ifstream json(absl::StrCat(flags.out, "/report.json"));
    std::string line;
    while (std::getline(json, line)) std::printf("%s\n", line.c_str());
    return;
  }
  std::fputs(RenderReport(report, ColorWanted()).c_str(), stdout);
  std::fprintf(stderr, "artifacts and report: %s/ (open %s/report.html)\n", flags.out.c_str(),
               flags.out.c_str());
}

absl::StatusOr<ExitCode> RunLocally(const Flags& flags) {
  ASSIGN_OR_RETURN(Request request, ReadRequest(flags));
  RETURN_IF_ERROR(MakeFolder(flags.out));
  JobDisplay display;
  // The engine counts the variants once it has checked the request: what it refuses before that is
  // what a server refuses before there is a job.
  bool begun = false;
  const auto result = OptimizeLocally({.spec = std::move(request.spec),
                                       .model_path = request.model_path,
                                       .calibration_path = request.calibration_path,
                                       .evaluation_path = request.evaluation_path,
                                       .output_folder = flags.out,
                                       .cache_folder = flags.no_cache ? "" : DefaultCacheFolder(),
                                       .cache_bytes = flags.cache_bytes},
                                      [&](const engine::v1::EngineMessage& message) {
                                        begun |= message.progress().variants_total() > 0;
                                        if (message.has_progress())
                                          display.Show(message.progress());
                                        if (message.has_variant()) display.Show(message.variant());
                                      });
  display.progress().Clear();
  if (!result.ok()) {
    PrintError(result.status());
    return begun ? JobFailureExitCode(result.status()) : ExitCodeOf(result.status());
  }
  NameStaleVariants(flags.out, result->artifacts());
  PrintReport(result->report(), flags);
  return VerdictExitCode(result->report().verdict());
}

// Sends each file once, however often it is named, and gives "models/…" or "datasets/…".
class Uploads {
 public:
  Uploads(Client& client, ProgressDisplay& progress) : client_(client), progress_(progress) {}

  absl::StatusOr<std::string> Model(const std::string& path) {
    if (IsServerResource(path, "models")) return path;
    ASSIGN_OR_RETURN(const v1::Model model,
                     client_.UploadModel(path, Show("upload " + DisplayName(path))));
    return model.name();
  }
  absl::StatusOr<std::string> Dataset(const std::string& path) {
    if (IsServerResource(path, "datasets")) return path;
    std::string& name = datasets_[path];
    if (name.empty()) {
      ASSIGN_OR_RETURN(const v1::Dataset dataset,
                       client_.UploadDataset(path, Show("upload " + DisplayName(path))));
      name = dataset.name();
    }
    return name;
  }

 private:
  ByteProgress Show(const std::string& step) {
    return
        [this, step](int64_t done, int64_t total) { progress_.Update(step, done, total, "bytes"); };
  }

  Client& client_;
  ProgressDisplay& progress_;
  std::map<std::string, std::string> datasets_;
};

absl::StatusOr<v1::Job> Submit(Client& client, Request request, ProgressDisplay& progress) {
  Uploads uploads(client, progress);
  v1::OptimizeSpec& spec = request.spec;
  ASSIGN_OR_RETURN(*spec.mutable_model(), uploads.Model(request.model_path));
  if (spec.has_calibration()) {
    ASSIGN_OR_RETURN(*spec.mutable_calibration()->mutable_dataset(),
                     uploads.Dataset(request.calibration_path));
  }
  if (spec.has_evaluation()) {
    ASSIGN_OR_RETURN(*spec.mutable_evaluation()->mutable_dataset(),
                     uploads.Dataset(request.evaluation_path));
  }
  v1::CreateJobRequest create;
  *create.mutable_spec() = std::move(spec);
  create.set_display_name(DisplayName(request.model_path));
  return client.CreateJob(create);
}

// Follows the job to its end, and fetches and prints what it made.
absl::StatusOr<ExitCode> Finish(Client& client, const v1::Job& created, const Flags& flags,
                                JobDisplay& display) {
  display.progress().Line(absl::StrCat(created.name(),
                                       " (it goes on if this command ends: `octavo jobs watch ",
                                       created.name(), "`)"));
  const auto ended = client.WatchJob(created.name(), [&](const v1::JobEvent& event) {
    display.Show(event);
    return true;
  });
  display.progress().Clear();
  if (!ended.ok()) return ended.status();
  if (EndedWithoutSuccess(*ended)) return ExplainFailure(*ended);
  RETURN_IF_ERROR(DownloadArtifacts(client, *ended, flags.out, display.progress()));
  NameStaleVariants(flags.out, ended->artifacts());
  ASSIGN_OR_RETURN(const v1::Report report, client.GetReport(ended->name()));
  PrintReport(report, flags);
  return JobExitCode(*ended);
}

absl::StatusOr<ExitCode> RunOnServer(const Flags& flags) {
  ASSIGN_OR_RETURN(Request request, ReadRequest(flags));
  ASSIGN_OR_RETURN(const auto client, ConnectTo(flags.server));
  // Before the upload: it may take long.
  RETURN_IF_ERROR(MakeFolder(flags.out));
  JobDisplay display;
  ASSIGN_OR_RETURN(const v1::Job created, Submit(*client, std::move(request), display.progress()));
  const auto finished = Finish(*client, created, flags, display);
  display.progress().Clear();
  if (finished.ok()) return *finished;
  PrintError(finished.status());
  return JobFailureExitCode(finished.status());
}

constexpr char kFooter[] = R"(
DATA is FILE[:[INPUT=]ARRAY,…][:labels=ARRAY]: an .npz, a zip, tar or tar.gz of images (CLASS/NAME.jpg, or images/ and
masks/), or a TFRecord. Several arrays of one input are joined by '+' and concatenated as channels. Without a mapping an
array named like an input is that input, else x, or the only one whose shape fits.

Examples:
  octavo optimize pets.tflite --calibrate photos.zip --evaluate photos.tar --scale 1/255 --variant int8 --out out/
  octavo optimize digits.tflite --calibrate mnist.npz:calib_images --evaluate mnist.npz:test_images:labels=test_labels \
      --scale 1/255 --variant all --goal 'drop<=0.5,size<=0.3x' --out out/
  octavo optimize portrait.tflite --calibrate p.npz:calib_frames+calib_priors --channels bgr \
      --scale 0.017,0.017,0.017,1/255 --offset=-1.76698,-1.98526,-2.10256,0 --variant int8 --out out/ --local
  The same net on video, each mask fed back as the next frame's fourth channel, 20 frames a clip:
  octavo optimize portrait.tflite --calibrate p.npz:calib_frames+calib_priors --evaluate p.npz:frames+priors \
      --channels bgr --scale 0.017,0.017,0.017,1/255 --offset=-1.76698,-1.98526,-2.10256,0 --metric miou \
      --targets masks --recurrent '->[3]' --sequence 20 --variant int8 --goal 'drop<=0.5' --out out/)";

}  // namespace

void AddOptimizeCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command =
      app.add_subcommand("optimize", "Makes and measures variants of a model: upload, job, report");
  auto flags = std::make_shared<Flags>();
  command->add_option("model", flags->model, "A .tflite file, or models/ID that the server has")
      ->required();
  CLI::Option* calibrate =
      command->add_option("--calibrate", flags->calibrate, "The representative data set")
          ->type_name("DATA");
  CLI::Option* evaluate =
      command->add_option("--evaluate", flags->evaluate, "The held-out data set")
          ->type_name("DATA");
  command->add_option("--out", flags->out, "Folder for NAME.tflite, report.json, report.html")
      ->required();
  CLI::Option* server = AddServerFlag(*command, flags->server);
  command->add_flag("--local", flags->local, "Runs the engine here, with no server")
      ->excludes(server);
  CLI::Option* local = command->get_option("--local");
  command->add_flag("--no-cache", flags->no_cache, "Calibrates anew and keeps nothing of it")
      ->needs(local);
  command
      ->add_option("--cache-bytes", flags->cache_bytes,
                   "Most bytes of calibrations kept in ~/.cache/octavo for later runs")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false))
      ->default_str("1GiB")
      ->needs(local);
  AddOutputFlag(*command, flags->output);
  AddSpecFlags(*command, flags->spec);
  // Of no data.
  command->get_option("--calibrate-examples")->needs(calibrate);
  for (const char* flag :
       {"--evaluate-examples", "--targets", "--metric", "--recurrent", "--sequence"}) {
    command->get_option(flag)->needs(evaluate);
  }
  command->footer(kFooter);
  command->callback([flags, &run] {
    run = [flags] { return flags->local ? RunLocally(*flags) : RunOnServer(*flags); };
  });
}

}  // namespace octavo
