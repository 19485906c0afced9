// Tars and TFRecords made byte by byte, so that tests can make wrong ones.

#ifndef OCTAVO_TESTS_CORE_DATA_TAR_BYTES_H_
#define OCTAVO_TESTS_CORE_DATA_TAR_BYTES_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace octavo {

struct TarEntry {
  std::string name;  // at most 100 bytes
  std::string bytes;
  char type = '0';
  std::string link = "";
  // Said instead of the truth.
  std::optional<size_t> claimed_size{};
};

std::string TarBytes(const std::vector<TarEntry>& entries);

std::string Gzipped(absl::string_view bytes);

// A pax header that gives the next entry this path.
TarEntry PaxPath(absl::string_view path);

std::string RecordBytes(absl::string_view record);

// Of protobuf's wire: a field of bytes.
std::string Delimited(int number, absl::string_view bytes);
// A tf.Example of features that are on the wire already, such as Delimited(1, Delimited(1, text)).
std::string ExampleBytes(const std::vector<std::pair<std::string, std::string>>& features);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_DATA_TAR_BYTES_H_
