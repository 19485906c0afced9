#include "core/data/npy_header.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

struct Half {
  uint16_t bits;
};

float HalfToFloat(Half half) {
  const int exponent = (half.bits >> 10) & 31;
  const int mantissa = half.bits & 1023;
  float magnitude;
  if (exponent == 31) {
    magnitude = mantissa != 0 ? std::numeric_limits<float>::quiet_NaN()
                              : std::numeric_limits<float>::infinity();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (half.bits >> 15) != 0 ? -magnitude : magnitude;
}

// The stored form of each type; a bool is a byte that may hold anything.
struct Bool {
  uint8_t byte;
};

double Number(Half value) { return HalfToFloat(value); }
int64_t Number(Bool value) { return value.byte != 0 ? 1 : 0; }
template <typename T>
T Number(T value) {
  return value;
}

template <typename Stored>
Stored Load(std::span<const uint8_t> raw, size_t index) {
  Stored stored;
  std::memcpy(&stored, raw.data() + index * sizeof(Stored), sizeof(Stored));
  return stored;
}

template <typename Stored>
void ToFloat(std::span<const uint8_t> raw, float* into) {
  const size_t count = raw.size() / sizeof(Stored);
  for (size_t i = 0; i < count; ++i) into[i] = static_cast<float>(Number(Load<Stored>(raw, i)));
}

template <typename T>
std::optional<int64_t> Integer(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    // Beyond 2^53 not every integer is a double, so that what is read may not be what was meant.
    if (!(std::abs(value) <= 9007199254740992.0) || std::trunc(value) != value) return std::nullopt;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  }
  return static_cast<int64_t>(value);
}

template <typename Stored>
int64_t ToInt64(std::span<const uint8_t> raw, int64_t* into) {
  const size_t count = raw.size() / sizeof(Stored);
  for (size_t i = 0; i < count; ++i) {
    const std::optional<int64_t> value = Integer(Number(Load<Stored>(raw, i)));
    if (!value) return static_cast<int64_t>(i);
    into[i] = *value;
  }
  return static_cast<int64_t>(count);
}

template <typename Stored>
constexpr ElementType Row(absl::string_view code, absl::string_view name, bool is_float = false) {
  return {code, name, sizeof(Stored), is_float, &ToFloat<Stored>, &ToInt64<Stored>};
}

const ElementType kElementTypes[] = {
    Row<Bool>("b1", "bool"),           Row<int8_t>("i1", "int8"),
    Row<uint8_t>("u1", "uint8"),       Row<int16_t>("i2", "int16"),
    Row<uint16_t>("u2", "uint16"),     Row<int32_t>("i4", "int32"),
    Row<uint32_t>("u4", "uint32"),     Row<int64_t>("i8", "int64"),
    Row<uint64_t>("u8", "uint64"),     Row<Half>("f2", "float16", true),
    Row<float>("f4", "float32", true), Row<double>("f8", "float64", true),
};

// Types that are listed and not read, and the bytes of one of their units.
struct OtherKind {
  char kind;
  int unit_bytes;
  bool counted;  // "U39" is 39 units; "M8" is 8 bytes
};
constexpr OtherKind kOtherKinds[] = {{'U', 4, true}, {'S', 1, true},  {'V', 1, true},
                                     {'c', 1, true}, {'M', 8, false}, {'m', 8, false},
                                     {'f', 1, true}};

const ElementType* FindElementTypeByCode(absl::string_view code) {
  for (const ElementType& type : kElementTypes) {
    if (type.code == code) return &type;
  }
  return nullptr;
}

absl::Status Malformed(absl::string_view problem) { return absl::InvalidArgumentError(problem); }

// Reads the header's text, a Python dictionary: strings, True, False, tuples of integers.
class Literal {
 public:
  explicit Literal(absl::string_view text) : text_(text) {}

  bool Take(char expected) {
    SkipSpace();
    if (text_.empty() || text_.front() != expected) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeWord(absl::string_view word) {
    SkipSpace();
    if (text_.substr(0, word.size()) != word) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool TakeString(std::string& value) {
    SkipSpace();
    if (text_.empty() || (text_.front() != '\'' && text_.front() != '"')) return false;
    const size_t end = text_.find(text_.front(), 1);
    if (end == absl::string_view::npos) return false;
    value = std::string(text_.substr(1, end - 1));
    text_.remove_prefix(end + 1);
    return true;
  }
  bool TakeInteger(int64_t& value) {
    SkipSpace();
    size_t digits = 0;
    while (digits < text_.size() && absl::ascii_isdigit(text_[digits])) ++digits;
    if (!absl::SimpleAtoi(text_.substr(0, digits), &value)) return false;
    text_.remove_prefix(digits);
    if (!text_.empty() && text_.front() == 'L') text_.remove_prefix(1);  // Python 2's long
    return true;
  }
  bool TakeTuple(std::vector<int64_t>& values) {
    if (!Take('(')) return false;
    while (!Take(')')) {
      int64_t value = 0;
      if (values.size() == 32 || !TakeInteger(value)) return false;
      values.push_back(value);
      if (!Take(',')) return Take(')');
    }
    return true;
  }
  bool at_end() {
    SkipSpace();
    return text_.empty();
  }

 private:
  void SkipSpace() { text_ = absl::StripLeadingAsciiWhitespace(text_); }
  absl::string_view text_;
};

struct HeaderFields {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

absl::StatusOr<HeaderFields> ParseFields(absl::string_view text) {
  HeaderFields fields;
  Literal literal(text);
  bool has_descr = false, has_order = false, has_shape = false;
  bool good = literal.Take('{');
  while (good && !literal.Take('}')) {
    std::string key;
    good = literal.TakeString(key) && literal.Take(':');
    if (!good) break;
    if (key == "descr") {
      if (!literal.TakeString(fields.descr)) return Malformed("its elements are records");
      has_descr = true;
    } else if (key == "fortran_order") {
      fields.fortran_order = literal.TakeWord("True");
      good = fields.fortran_order || literal.TakeWord("False");
      has_order = true;
    } else if (key == "shape") {
      fields.shape.clear();
      good = literal.TakeTuple(fields.shape);
      has_shape = true;
    } else {
      good = false;
    }
    good = good && (literal.Take(',') || !literal.at_end());
  }
  if (!good || !literal.at_end() || !has_descr || !has_order || !has_shape) {
    return Malformed("its header is none of NumPy's");
  }
  return fields;
}

absl::Status ReadType(absl::string_view descr, NpyHeader& header) {
  const absl::string_view code = descr.size() > 1 ? descr.substr(1) : absl::string_view();
  if (code.empty() || !absl::ascii_isalpha(code[0]))
    return Malformed("its type is none of NumPy's");
  for (const char c : descr) {
    if (!absl::ascii_isprint(c) || descr.size() > 64)
      return Malformed("its type is none of NumPy's");
  }
  if (code[0] == 'O') return Malformed("it holds pickled objects, which are not read");
  header.type = FindElementTypeByCode(code);
  if (header.type != nullptr) {
    if (descr[0] == '>' && header.type->size_bytes > 1) {
      return Malformed(absl::StrCat("its elements (", descr, ") are big-endian"));
    }
    header.type_name = std::string(header.type->name);
    header.element_bytes = header.type->size_bytes;
    return absl::OkStatus();
  }
  header.type_name = std::string(descr);
  for (const OtherKind& kind : kOtherKinds) {
    int64_t count = 1;
    if (kind.kind != code[0]) continue;
    if (kind.counted && (!absl::SimpleAtoi(code.substr(1), &count) || count < 0 || count > 1 << 20))
      break;
    header.element_bytes = count * kind.unit_bytes;
    return absl::OkStatus();
  }
  return Malformed(absl::StrCat("its type '", descr, "' is none of NumPy's"));
}

// The product, nothing where it does not fit in 62 bits.
std::optional<int64_t> Bytes(const std::vector<int64_t>& shape, int64_t element_bytes) {
  constexpr int64_t kLargest = int64_t{1} << 62;
  bool has_zero = false;
  for (const int64_t size : shape) has_zero = has_zero || size == 0;
  if (has_zero || element_bytes == 0) return 0;
  int64_t bytes = element_bytes;
  for (const int64_t size : shape) {
    if (bytes > kLargest / size) return std::nullopt;
    bytes *= size;
  }
  return bytes;
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "elements are read as they lie");

const ElementType* FindElementTypeByName(absl::string_view name) {
  for (const ElementType& type : kElementTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

absl::StatusOr<NpyHeader> ParseNpyHeader(std::span<const uint8_t> entry) {
  static constexpr uint8_t kMagic[] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (entry.size() < 10 || std::memcmp(entry.data(), kMagic, sizeof(kMagic)) != 0) {
    return Malformed("it is no .npy array");
  }
  const int version = entry[6];
  if (version < 1 || version > 3) {
    return Malformed(absl::StrCat("version ", version, " of the .npy format is not read"));
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t text_begin = 8 + length_bytes;
  if (entry.size() < text_begin) return Malformed("it is no .npy array");
  uint32_t text_bytes = 0;
  std::memcpy(&text_bytes, entry.data() + 8, length_bytes);
  if (text_bytes > kMaxNpyHeaderBytes - text_begin) {
    return Malformed(absl::StrCat("its header of ", text_bytes, " bytes is too long"));
  }
  if (entry.size() - text_begin < text_bytes) return Malformed("it ends within its header");

  const absl::string_view text(reinterpret_cast<const char*>(entry.data()) + text_begin,
                               text_bytes);
  ASSIGN_OR_RETURN(HeaderFields fields, ParseFields(text));
  NpyHeader header;
  RETURN_IF_ERROR(ReadType(fields.descr, header));
  if (fields.fortran_order && fields.shape.size() > 1) {
    return Malformed("it is in Fortran order; save numpy.ascontiguousarray of it");
  }
  const std::optional<int64_t> data_bytes = Bytes(fields.shape, header.element_bytes);
  if (!data_bytes) return Malformed("its shape is too large");
  header.shape = std::move(fields.shape);
  header.header_bytes = static_cast<int64_t>(text_begin) + text_bytes;
  header.data_bytes = *data_bytes;
  return header;
}

}  // namespace octavo
