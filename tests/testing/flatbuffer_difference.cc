#include "tests/testing/flatbuffer_difference.h"

#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/tflite/schema_generated.h"
#include "flatbuffers/minireflect.h"

namespace octavo {
namespace {

using flatbuffers::ElementaryType;
using flatbuffers::TypeTable;

const uint8_t* Follow(const uint8_t* value) {
  return value + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(value);
}

const uint8_t* FieldOf(const uint8_t* table, size_t field) {
  return reinterpret_cast<const flatbuffers::Table*>(table)->GetAddressOf(
      flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(field)));
}

uint32_t Length(const uint8_t* value) {
  return value == nullptr ? 0 : flatbuffers::ReadScalar<uint32_t>(Follow(value));
}

std::string TablesDifference(const uint8_t* a, const uint8_t* b, const TypeTable& type);

std::string ElementsDifference(const uint8_t* a, const uint8_t* b, ElementaryType type,
                               const TypeTable* member) {
  const uint32_t count = Length(a);
  if (count != Length(b)) return absl::StrCat(": ", count, " elements, not ", Length(b));
  if (count == 0) return "";
  const uint8_t* first_a = Follow(a) + sizeof(uint32_t);
  const uint8_t* first_b = Follow(b) + sizeof(uint32_t);
  if (type != flatbuffers::ET_SEQUENCE) {
    const size_t size_bytes = count * flatbuffers::InlineSize(type, member);
    return std::memcmp(first_a, first_b, size_bytes) == 0 ? "" : ": other elements";
  }
  for (uint32_t i = 0; i < count; ++i) {
    const size_t offset = i * sizeof(flatbuffers::uoffset_t);
    const std::string difference =
        TablesDifference(Follow(first_a + offset), Follow(first_b + offset), *member);
    if (!difference.empty()) return absl::StrCat("[", i, "]", difference);
  }
  return "";
}

std::string FieldsDifference(const uint8_t* a, const uint8_t* b, const TypeTable& type,
                             size_t field, uint8_t union_type) {
  const auto code = type.type_codes[field];
  const auto base = static_cast<ElementaryType>(code.base_type);
  const TypeTable* member = code.sequence_ref < 0 ? nullptr : type.type_refs[code.sequence_ref]();
  if (code.is_repeating) return ElementsDifference(a, b, base, member);
  if (base == flatbuffers::ET_STRING) {
    return ElementsDifference(a, b, flatbuffers::ET_UCHAR, nullptr);
  }
  if (a == nullptr && b == nullptr) return "";
  if (a == nullptr || b == nullptr) return a == nullptr ? ": only in b" : ": only in a";
  if (base != flatbuffers::ET_SEQUENCE) {
    return std::memcmp(a, b, flatbuffers::InlineSize(base, member)) == 0 ? "" : ": other value";
  }
  if (member->st == flatbuffers::ST_UNION) {
    member = member->type_refs[member->type_codes[union_type].sequence_ref]();
  }
  return TablesDifference(Follow(a), Follow(b), *member);
}

std::string TablesDifference(const uint8_t* a, const uint8_t* b, const TypeTable& type) {
  uint8_t union_type = 0;
  for (size_t field = 0; field < type.num_elems; ++field) {
    const uint8_t* value_a = FieldOf(a, field);
    const std::string difference =
        FieldsDifference(value_a, FieldOf(b, field), type, field, union_type);
    if (!difference.empty()) return absl::StrCat("/", field, difference);
    const bool is_type = type.type_codes[field].base_type == flatbuffers::ET_UTYPE;
    union_type = is_type && value_a != nullptr ? *value_a : 0;
  }
  return "";
}

}  // namespace

std::string FlatbufferDifference(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return TablesDifference(flatbuffers::GetRoot<uint8_t>(a.data()),
                          flatbuffers::GetRoot<uint8_t>(b.data()), *schema::ModelTypeTable());
}

}  // namespace octavo
