// What flags have in common: how their values read, and what is said of wrong ones.

#ifndef OCTAVO_CLIENT_CLI_FLAG_TEXT_H_
#define OCTAVO_CLIENT_CLI_FLAG_TEXT_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace octavo {

// INVALID_ARGUMENT: "--goal 'drop<5': wanted ...".
absl::Status FlagError(absl::string_view flag, absl::string_view text, absl::string_view wanted);

// A number, or a fraction of two: "0.017", "1/255". False: it is neither.
bool ParseNumber(absl::string_view text, float* value);

// A flag that may be repeated. It takes one word each time, or it would swallow the arguments
// behind it.
void AddRepeated(CLI::App& command, const char* name, std::vector<std::string>& values,
                 const char* type, const std::string& description);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_FLAG_TEXT_H_
