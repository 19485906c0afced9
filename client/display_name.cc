#include "client/display_name.h"

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "core/base/utf8.h"

namespace octavo {
namespace {

constexpr size_t kMaxBytes = 128;

}  // namespace

std::string DisplayName(const std::string& path) {
  std::string name = ValidUtf8(path.substr(path.find_last_of('/') + 1));
  size_t size = 0;
  while (size < name.size()) {
    const size_t length = CharacterLength(absl::string_view(name).substr(size));
    if (size + length > kMaxBytes) break;
    if (absl::ascii_iscntrl(static_cast<unsigned char>(name[size]))) name[size] = '?';
    size += length;
  }
  name.resize(size);
  return name;
}

}  // namespace octavo
