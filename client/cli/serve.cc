// octavo serve: becomes the server program beside this one.

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "client/cli/command.h"
#include "core/base/file.h"

namespace octavo {

namespace {

constexpr char kFooter[] = R"(
Further flags are octavod's, as --workers N, --metrics-listen HOST:PORT (a second server needs another), and --insecure,
which an address other than loopback needs; see `octavod --help`.

Examples:
  octavo serve --data /srv/octavo --workers 2
  octavo serve --listen 0.0.0.0:8470 --insecure)";

}  // namespace

void AddServeCommand(CLI::App& app, RunCommand& run) {
  CLI::App* command = app.add_subcommand(
      "serve", "Starts an embedded server: SQLite, a local folder, workers inside");
  struct Flags {
    std::string listen, data;
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--listen", flags->listen,
                      "HOST:PORT (default: 127.0.0.1:8470; port 0: any free one)");
  command->add_option("--data", flags->data,
                      "Folder for everything that is kept (default: ~/.local/share/octavo)");
  command->allow_extras();
  command->footer(kFooter);
  command->callback([command, flags, &run] {
    run = [command, flags]() -> absl::StatusOr<ExitCode> {
      const std::string program =
          std::filesystem::read_symlink("/proc/self/exe").parent_path() / "octavod";
      std::vector<std::string> words = {program};
      if (!flags->listen.empty()) words.insert(words.end(), {"--listen", flags->listen});
      if (!flags->data.empty()) words.insert(words.end(), {"--data", flags->data});
      for (const std::string& extra : command->remaining()) words.push_back(extra);
      std::vector<char*> arguments;
      for (std::string& word : words) arguments.push_back(word.data());
      arguments.push_back(nullptr);
      ::execv(program.c_str(), arguments.data());
      return ErrnoStatus(errno, program);
    };
  });
}

}  // namespace octavo
