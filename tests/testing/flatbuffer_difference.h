// Where two model files differ, by the tables in their bytes and not by what our reader makes of
// them.

#ifndef OCTAVO_TESTS_TESTING_FLATBUFFER_DIFFERENCE_H_
#define OCTAVO_TESTS_TESTING_FLATBUFFER_DIFFERENCE_H_

#include <cstdint>
#include <span>
#include <string>

namespace octavo {

// The path of the first field in which the files differ, "2/0/0[3]/4: ..." (numbers of fields);
// empty: in none. An empty vector or string and an absent one are the same. Both files are verified
// by the caller.
std::string FlatbufferDifference(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_FLATBUFFER_DIFFERENCE_H_
