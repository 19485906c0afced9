// Pages of lists, newest first.

#ifndef OCTAVO_SERVER_STORE_PAGE_H_
#define OCTAVO_SERVER_STORE_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

inline constexpr int kDefaultPageSize = 50;
inline constexpr int kMaxPageSize = 500;

// Where a page begins: below this creation time and name.
struct PageStart {
  int64_t create_time_us = INT64_MAX;
  std::string name;
};

struct PageRequest {
  int size = kDefaultPageSize;
  PageStart start;
};

// Of a page's messages: gRPC takes no answer of more than 4 MiB. A page has one message at least.
inline constexpr size_t kMaxPageBytes = 3 << 20;

template <typename T>
struct Page {
  std::vector<T> items;
  // Empty on the last page.
  std::string next_page_token;
};

// INVALID_ARGUMENT (FIELD_INVALID): a negative size, or a token that EncodePageToken did not make.
// 0 is the default size; more than the largest is the largest.
absl::StatusOr<PageRequest> ParsePageRequest(int size, absl::string_view token);

std::string EncodePageToken(const PageStart& start);

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_PAGE_H_
