// The ids of everything the server makes.

#ifndef OCTAVO_SERVER_STORE_RANDOM_ID_H_
#define OCTAVO_SERVER_STORE_RANDOM_ID_H_

#include <string>

#include "absl/strings/string_view.h"

namespace octavo {

// 130 random bits as 26 characters of a-z and 2-7.
std::string NewId();

// Whether `text` is one that NewId could have made: safe as a file's name.
bool IsId(absl::string_view text);

// "uploads/abc..." with the collection "uploads" -> true.
bool IsResourceName(absl::string_view name, absl::string_view collection);

// The id in a resource's name: what follows the slash.
absl::string_view IdOf(absl::string_view name);

}  // namespace octavo

#endif  // OCTAVO_SERVER_STORE_RANDOM_ID_H_
