#include "core/engine/valid_utf8.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"

namespace octavo {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

// The Unicode standard's table 3-7: by the first byte, the length and what the second byte may be.
// All later ones are 0x80 to 0xbf.
struct Sequence {
  uint8_t first_from, first_to;
  size_t length;
  uint8_t second_from, second_to;
};
constexpr Sequence kSequences[] = {
    {0x00, 0x7f, 1, 0x80, 0xbf}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
    {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
    {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

// Bytes of the character that `text` begins with; 0: it begins with none.
size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  for (const Sequence& sequence : kSequences) {
    if (byte(0) < sequence.first_from || byte(0) > sequence.first_to) continue;
    if (text.size() < sequence.length) return 0;
    if (sequence.length > 1 && (byte(1) < sequence.second_from || byte(1) > sequence.second_to)) {
      return 0;
    }
    for (size_t i = 2; i < sequence.length; ++i) {
      if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
    }
    return sequence.length;
  }
  return 0;
}

using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool CanBeRead(const Any& packed) {
  const std::string& url = packed.type_url();
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      url.substr(url.rfind('/') + 1));
  if (type == nullptr) return true;
  const Message* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type);
  const std::unique_ptr<Message> message(prototype->New());
  return message->ParseFromString(packed.value());
}

void CorrectStrings(const Reflection& reflection, const FieldDescriptor& field, Message& message) {
  if (!field.is_repeated()) {
    reflection.SetString(&message, &field, ValidUtf8(reflection.GetString(message, &field)));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    reflection.SetRepeatedString(&message, &field, i,
                                 ValidUtf8(reflection.GetRepeatedString(message, &field, i)));
  }
}

void CorrectMessages(const Reflection& reflection, const FieldDescriptor& field, Message& message) {
  if (!field.is_repeated()) {
    MakeValidUtf8(*reflection.MutableMessage(&message, &field));
    return;
  }
  for (int i = reflection.FieldSize(message, &field) - 1; i >= 0; --i) {
    Message& element = *reflection.MutableRepeatedMessage(&message, &field, i);
    MakeValidUtf8(element);
    if (field.message_type() != Any::descriptor() || CanBeRead(static_cast<Any&>(element))) {
      continue;
    }
    for (int last = reflection.FieldSize(message, &field) - 1, j = i; j < last; ++j) {
      reflection.SwapElements(&message, &field, j, j + 1);
    }
    reflection.RemoveLast(&message, &field);
  }
}

}  // namespace

std::string ValidUtf8(absl::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) {
      valid.append(kReplacement.data(), kReplacement.size());
    } else {
      valid.append(text.data(), length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

void MakeValidUtf8(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      CorrectStrings(reflection, *field, message);
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      CorrectMessages(reflection, *field, message);
    }
  }
}

}  // namespace octavo
