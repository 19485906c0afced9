// The header of a .npy array: its type, its shape, and how its elements become numbers.

#ifndef OCTAVO_CORE_DATA_NPY_HEADER_H_
#define OCTAVO_CORE_DATA_NPY_HEADER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace octavo {

// A type whose elements are numbers: little-endian integers, booleans and floats.
struct ElementType {
  absl::string_view code;  // NumPy's descr without the byte order: "u1"
  absl::string_view name;  // NumPy's name: "uint8"
  int size_bytes;
  bool is_float;
  // All elements of `raw`, which holds whole ones.
  void (*to_float)(std::span<const uint8_t> raw, float* into);
  // As many as are integers that fit; gives their count, less than there are if one does not.
  int64_t (*to_int64)(std::span<const uint8_t> raw, int64_t* into);
};

// Null where there is none.
const ElementType* FindElementTypeByName(absl::string_view name);

struct NpyHeader {
  // Null: the elements are no numbers (text, times, records), so that the array can be listed and
  // not read.
  const ElementType* type = nullptr;
  std::string type_name;  // "uint8"; of other types NumPy's descr: "<U39"
  int64_t element_bytes = 0;
  std::vector<int64_t> shape;
  int64_t header_bytes = 0;  // the first element's place in the entry
  int64_t data_bytes = 0;
};

// More bytes of an entry than any header we read takes.
inline constexpr int64_t kMaxNpyHeaderBytes = 64 << 10;

// Reads the header at the start of `entry`, which may end after it or go on. Versions 1 to 3.
//
// INVALID_ARGUMENT: no .npy, a header of more than kMaxNpyHeaderBytes, Fortran order, big-endian
// elements, pickled objects, or a shape whose bytes do not fit in 62 bits.
absl::StatusOr<NpyHeader> ParseNpyHeader(std::span<const uint8_t> entry);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_NPY_HEADER_H_
