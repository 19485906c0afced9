#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"
#include "core/tflite/model_validator.h"
#include "core/tflite/schema_generated.h"
#include "flatbuffers/minireflect.h"

namespace octavo {
namespace {

using flatbuffers::ElementaryType;
using flatbuffers::TypeTable;

// Root, subgraph, operator, options, their vectors: the schema goes no deeper than this.
constexpr int kMaxDepth = 16;
constexpr int kMaxTables = 2'000'000;
// Offsets have 31 bits.
constexpr size_t kMaxFileBytes = (size_t{1} << 31) - 1;
// An unpacked table and its entry in a vector. A file may name one table many times, and the object
// API copies it each time: what comes out is bounded by what came in.
constexpr int64_t kUnpackedTableBytes = 256;
constexpr int64_t kMostUnpackedPerFileByte = 32;
constexpr int64_t kUnpackedReserveBytes = 1 << 20;

absl::Status Malformed(absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "MODEL_MALFORMED");
}

// Follows the type tables through a verified flatbuffer. The depth is the schema's, not the file's.
class Walk {
 public:
  explicit Walk(int64_t unpacked_budget) : budget_(unpacked_budget) {}

  absl::Status Table(const uint8_t* table, const TypeTable& type) {
    RETURN_IF_ERROR(Spend(kUnpackedTableBytes));
    const uint8_t* previous = nullptr;
    for (size_t field = 0; field < type.num_elems; ++field) {
      const uint8_t* value = reinterpret_cast<const flatbuffers::Table*>(table)->GetAddressOf(
          flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(field)));
      RETURN_IF_ERROR(Field(type, field, value, previous));
      previous = value;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Field(const TypeTable& type, size_t field, const uint8_t* value,
                     const uint8_t* previous) {
    const auto code = type.type_codes[field];
    const TypeTable* member = code.sequence_ref < 0 ? nullptr : type.type_refs[code.sequence_ref]();
    const bool is_union = code.base_type == flatbuffers::ET_SEQUENCE && !code.is_repeating &&
                          member->st == flatbuffers::ST_UNION;
    if (is_union) return Union(*member, value, previous);
    if (value == nullptr || IsUnverified(type, field)) return absl::OkStatus();
    if (code.is_repeating) return Vector(Follow(value), code.base_type, member);
    if (code.base_type == flatbuffers::ET_STRING) {
      return Spend(reinterpret_cast<const flatbuffers::String*>(Follow(value))->size());
    }
    if (code.base_type == flatbuffers::ET_SEQUENCE) return Table(Follow(value), *member);
    return absl::OkStatus();
  }

  // The one deprecated field that holds an offset: neither verified nor unpacked.
  static bool IsUnverified(const TypeTable& type, size_t field) {
    constexpr size_t kDeprecatedTag = 3;
    return &type == schema::SignatureDefTypeTable() && field == kDeprecatedTag;
  }

  // The field before a union's value is its type.
  absl::Status Union(const TypeTable& members, const uint8_t* value, const uint8_t* type) {
    const size_t member = type == nullptr ? 0 : *type;
    if (member >= members.num_elems) {
      return Malformed(absl::StrCat("a union has the type ", member,
                                    ", which the format's known version does not have"));
    }
    if ((member == 0) != (value == nullptr)) {
      return Malformed(absl::StrCat("a union of type ", member, " has ",
                                    value == nullptr ? "no" : "a", " value"));
    }
    if (member == 0) return absl::OkStatus();
    return Table(Follow(value), *members.type_refs[members.type_codes[member].sequence_ref]());
  }

  absl::Status Vector(const uint8_t* vector, uint16_t base_type, const TypeTable* member) {
    const auto type = static_cast<ElementaryType>(base_type);
    const int64_t count = reinterpret_cast<const flatbuffers::Vector<uint8_t>*>(vector)->size();
    if (type != flatbuffers::ET_SEQUENCE) {
      RETURN_IF_ERROR(CheckAlignment(vector, flatbuffers::InlineSize(type, member)));
      // Bytes of constants are counted too, though they are not copied: they are never more than
      // the file.
      return Spend(count * static_cast<int64_t>(flatbuffers::InlineSize(type, member)));
    }
    const auto& tables =
        *reinterpret_cast<const flatbuffers::Vector<flatbuffers::Offset<flatbuffers::Table>>*>(
            vector);
    for (const flatbuffers::Table* table : tables) {
      RETURN_IF_ERROR(Table(reinterpret_cast<const uint8_t*>(table), *member));
    }
    return absl::OkStatus();
  }

  // The library's verifier looks at the alignment of lengths and single numbers, not of lists'.
  static absl::Status CheckAlignment(const uint8_t* vector, size_t element_bytes) {
    const auto first = reinterpret_cast<uintptr_t>(vector + sizeof(flatbuffers::uoffset_t));
    if (first % element_bytes == 0) return absl::OkStatus();
    return Malformed(absl::StrCat("a list of numbers of ", element_bytes, " bytes is not aligned"));
  }

  static const uint8_t* Follow(const uint8_t* value) {
    return value + flatbuffers::ReadScalar<flatbuffers::uoffset_t>(value);
  }

  absl::Status Spend(int64_t bytes) {
    budget_ -= bytes;
    if (budget_ >= 0) return absl::OkStatus();
    return Malformed("the file names the same tables too often");
  }

  int64_t budget_;
};

}  // namespace

absl::Status VerifyFlatbuffer(std::span<const uint8_t> file) {
  constexpr size_t kIdentifierEnd = 8;
  if (file.size() < kIdentifierEnd || !schema::ModelBufferHasIdentifier(file.data())) {
    return Malformed("not a TFLite file: the identifier TFL3 is missing");
  }
  if (file.size() > kMaxFileBytes) {
    return Malformed(
        absl::StrCat("the file has ", file.size(), " bytes, more than ", kMaxFileBytes));
  }
  flatbuffers::Verifier verifier(file.data(), file.size(), kMaxDepth, kMaxTables);
  if (!schema::VerifyModelBuffer(verifier)) {
    return Malformed("a damaged TFLite file: the flatbuffer does not verify (is it cut off?)");
  }
  const int64_t budget =
      static_cast<int64_t>(file.size()) * kMostUnpackedPerFileByte + kUnpackedReserveBytes;
  return Walk(budget).Table(reinterpret_cast<const uint8_t*>(schema::GetModel(file.data())),
                            *schema::ModelTypeTable());
}

}  // namespace octavo
