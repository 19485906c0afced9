// The name by which a file is shown.

#ifndef OCTAVO_CLIENT_DISPLAY_NAME_H_
#define OCTAVO_CLIENT_DISPLAY_NAME_H_

#include <string>

namespace octavo {

// The file's name in `path`, made fit for every display_name of the service: at most 128 bytes,
// cut between characters; a '?' for each control character, U+FFFD for each byte that is not of
// UTF-8.
std::string DisplayName(const std::string& path);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_DISPLAY_NAME_H_
