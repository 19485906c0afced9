#include "core/engine/valid_utf8.h"

#include <cstddef>
#include <memory>
#include <vector>

#include "core/base/utf8.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"

namespace octavo {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";

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
    const size_t length = Utf8CharacterLength(text);
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
