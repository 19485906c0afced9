// octavo upload model|dataset: sends a file and prints the resource's name.

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "client/cli/command.h"
#include "client/cli/json_output.h"
#include "client/cli/progress_display.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

struct Flags {
  std::string path, server, output;
};

// `upload` is Client::UploadModel or UploadDataset.
template <typename Resource>
void AddKind(CLI::App& parent, RunCommand& run, const std::string& kind, const char* example,
             absl::StatusOr<Resource> (Client::*upload)(const std::string&, const ByteProgress&)) {
  CLI::App* command = parent.add_subcommand(kind, "Sends a " + kind + " and prints its name");
  auto flags = std::make_shared<Flags>();
  command->add_option("file", flags->path, "The file")->required()->check(CLI::ExistingFile);
  AddServerFlag(*command, flags->server);
  AddOutputFlag(*command, flags->output);
  command->footer(absl::StrCat("Example:\n  ", example));
  command->callback([flags, &run, upload] {
    run = [flags, upload]() -> absl::StatusOr<ExitCode> {
      ASSIGN_OR_RETURN(const auto client, ConnectTo(flags->server));
      ProgressDisplay progress;
      const auto resource = (client.get()->*upload)(flags->path, [&](int64_t done, int64_t total) {
        progress.Update("upload", done, total, "bytes");
      });
      progress.Clear();
      if (!resource.ok()) return resource.status();
      if (flags->output == "json") {
        RETURN_IF_ERROR(PrintJson(*resource));
      } else {
        std::printf("%s\n", resource->name().c_str());
      }
      return kExitOk;
    };
  });
}

}  // namespace

void AddUploadCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand("upload", "Sends a model or a data set to the server");
  command->require_subcommand(1);
  command->footer("Example:\n  octavo upload dataset train.npz");
  AddKind<v1::Model>(*command, run, "model", "octavo upload model digits.tflite",
                     &Client::UploadModel);
  AddKind<v1::Dataset>(*command, run, "dataset", "octavo upload dataset train.npz",
                       &Client::UploadDataset);
}

}  // namespace octavo
