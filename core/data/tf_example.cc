#include "core/data/tf_example.h"

#include <bit>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/base/utf8.h"
#include "core/data/dataset_error.h"
#include "google/protobuf/io/coded_stream.h"

namespace octavo {
namespace {

constexpr size_t kMaxNameBytes = 256;
constexpr size_t kMaxValues = 1 << 24;

// The numbers of the messages' fields.
//   Example      1: features
//   Features     1: an entry of its map, 1: name, 2: feature
//   Feature      1: bytes, 2: floats, 3: integers, each a list, 1: its values
constexpr uint32_t kFeatures = 1;
constexpr uint32_t kMapEntry = 1;
constexpr uint32_t kEntryName = 1;
constexpr uint32_t kEntryFeature = 2;
constexpr uint32_t kBytesList = 1;
constexpr uint32_t kFloatList = 2;
constexpr uint32_t kIntegerList = 3;
constexpr uint32_t kListValues = 1;

// How a field's value is written (the low three bits of its tag).
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kDelimited = 2, kFixed32 = 5 };

struct Field {
  uint32_t number;
  uint32_t type;
  uint64_t value;                  // of kVarint, kFixed32 and kFixed64
  std::span<const uint8_t> bytes;  // of kDelimited
};

using google::protobuf::io::CodedInputStream;

absl::Status NoExample() { return MalformedDataset("it holds no tf.Example"); }

bool ReadValue(CodedInputStream& input, std::span<const uint8_t> message, Field& field) {
  uint32_t small = 0;
  switch (field.type) {
    case kVarint:
      return input.ReadVarint64(&field.value);
    case kFixed64:
      return input.ReadLittleEndian64(&field.value);
    case kFixed32:
      if (!input.ReadLittleEndian32(&small)) return false;
      field.value = small;
      return true;
    case kDelimited: {
      if (!input.ReadVarint32(&small)) return false;
      const auto place = static_cast<size_t>(input.CurrentPosition());
      if (small > message.size() - place) return false;
      field.bytes = message.subspan(place, small);
      return input.Skip(static_cast<int>(small));
    }
    default:
      return false;
  }
}

// The fields of one message, in order.
absl::Status ForEachField(std::span<const uint8_t> message,
                          absl::FunctionRef<absl::Status(const Field&)> visit) {
  CodedInputStream input(message.data(), static_cast<int>(message.size()));
  while (static_cast<size_t>(input.CurrentPosition()) < message.size()) {
    const uint32_t tag = input.ReadTag();
    Field field{.number = tag >> 3, .type = tag & 7};
    if (field.number == 0 || !ReadValue(input, message, field)) return NoExample();
    RETURN_IF_ERROR(visit(field));
  }
  return absl::OkStatus();
}

absl::Status AddEntry(std::span<const uint8_t> entry, FeatureMap& features) {
  absl::string_view name;
  std::span<const uint8_t> feature;
  RETURN_IF_ERROR(ForEachField(entry, [&](const Field& field) {
    if (field.type != kDelimited) return absl::OkStatus();
    if (field.number == kEntryName) name = TextOf(field.bytes);
    if (field.number == kEntryFeature) feature = field.bytes;
    return absl::OkStatus();
  }));
  if (name.empty() || name.size() > kMaxNameBytes || !IsUtf8(name)) {
    return MalformedDataset("the name of a feature is none");
  }
  features[name] = feature;
  if (features.size() > kMaxFeatures) {
    return MalformedDataset(absl::StrCat("it has more than ", kMaxFeatures, " features"));
  }
  return absl::OkStatus();
}

// Packed or each with a tag of its own: both are legal.
absl::Status AddFloats(const Field& field, std::vector<float>& floats) {
  if (field.type == kFixed32) {
    floats.push_back(std::bit_cast<float>(static_cast<uint32_t>(field.value)));
    return absl::OkStatus();
  }
  if (field.type != kDelimited || field.bytes.size() % sizeof(float) != 0) return NoExample();
  const size_t count = field.bytes.size() / sizeof(float);
  CodedInputStream input(field.bytes.data(), static_cast<int>(field.bytes.size()));
  for (size_t i = 0; i < count; ++i) {
    uint32_t bits = 0;
    if (!input.ReadLittleEndian32(&bits)) return NoExample();
    floats.push_back(std::bit_cast<float>(bits));
  }
  return absl::OkStatus();
}

absl::Status AddIntegers(const Field& field, std::vector<int64_t>& integers) {
  if (field.type == kVarint) {
    integers.push_back(static_cast<int64_t>(field.value));
    return absl::OkStatus();
  }
  if (field.type != kDelimited) return NoExample();
  CodedInputStream input(field.bytes.data(), static_cast<int>(field.bytes.size()));
  while (static_cast<size_t>(input.CurrentPosition()) < field.bytes.size()) {
    uint64_t value = 0;
    if (!input.ReadVarint64(&value)) return NoExample();
    integers.push_back(static_cast<int64_t>(value));
    if (integers.size() > kMaxValues) break;
  }
  return absl::OkStatus();
}

absl::Status AddValue(const Field& field, Feature& feature) {
  if (field.number != kListValues) return absl::OkStatus();
  switch (feature.kind) {
    case FeatureKind::kBytes:
      if (field.type != kDelimited) return NoExample();
      feature.bytes.push_back(field.bytes);
      break;
    case FeatureKind::kFloats:
      RETURN_IF_ERROR(AddFloats(field, feature.floats));
      break;
    case FeatureKind::kIntegers:
      RETURN_IF_ERROR(AddIntegers(field, feature.integers));
      break;
    case FeatureKind::kNone:
      break;
  }
  if (feature.size() <= kMaxValues) return absl::OkStatus();
  return MalformedDataset(absl::StrCat("it has more than ", kMaxValues, " values"));
}

FeatureKind KindOf(uint32_t list) {
  switch (list) {
    case kBytesList:
      return FeatureKind::kBytes;
    case kFloatList:
      return FeatureKind::kFloats;
    case kIntegerList:
      return FeatureKind::kIntegers;
    default:
      return FeatureKind::kNone;
  }
}

}  // namespace

absl::StatusOr<FeatureMap> ParseExample(std::span<const uint8_t> record) {
  FeatureMap features;
  const auto add_features = [&](const Field& field) -> absl::Status {
    if (field.number != kFeatures || field.type != kDelimited) return absl::OkStatus();
    return ForEachField(field.bytes, [&](const Field& entry) -> absl::Status {
      if (entry.number != kMapEntry || entry.type != kDelimited) return absl::OkStatus();
      return AddEntry(entry.bytes, features);
    });
  };
  RETURN_IF_ERROR(ForEachField(record, add_features));
  return features;
}

absl::StatusOr<Feature> ParseFeature(std::span<const uint8_t> bytes) {
  Feature feature;
  RETURN_IF_ERROR(ForEachField(bytes, [&](const Field& list) -> absl::Status {
    const FeatureKind kind = KindOf(list.number);
    if (kind == FeatureKind::kNone || list.type != kDelimited) return absl::OkStatus();
    // Of a choice the last one counts; the same again goes on.
    if (kind != feature.kind) feature = Feature{.kind = kind};
    return ForEachField(list.bytes, [&](const Field& value) { return AddValue(value, feature); });
  }));
  return feature;
}

}  // namespace octavo
