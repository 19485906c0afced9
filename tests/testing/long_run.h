// How often a randomized test tries: `make test-all` sets OCTAVO_LONG=1 and gets more.

#ifndef OCTAVO_TESTS_TESTING_LONG_RUN_H_
#define OCTAVO_TESTS_TESTING_LONG_RUN_H_

#include <algorithm>
#include <cstdlib>

#include "absl/strings/string_view.h"

namespace octavo {

// `usual`, and in the long form at least `when_long`.
inline int Rounds(int usual, int when_long = 1000) {
  const char* is_long = std::getenv("OCTAVO_LONG");
  return is_long != nullptr && absl::string_view(is_long) == "1" ? std::max(usual, when_long)
                                                                 : usual;
}

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_LONG_RUN_H_
