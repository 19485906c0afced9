#include "server/store/random_id.h"

#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/log/check.h"
#include "absl/strings/match.h"

namespace octavo {
namespace {

constexpr char kDigits[] = "abcdefghijklmnopqrstuvwxyz234567";
constexpr int kIdLength = 26;  // 130 bits, five a character.

bool IsDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7'); }

}  // namespace

std::string NewId() {
  uint8_t bytes[kIdLength];
  // A system without randomness can give no ids at all.
  CHECK_EQ(RAND_bytes(bytes, sizeof bytes), 1);
  std::string id;
  for (const uint8_t byte : bytes) id += kDigits[byte % 32];
  return id;
}

bool IsId(absl::string_view text) {
  return text.size() == kIdLength && std::all_of(text.begin(), text.end(), IsDigit);
}

bool IsResourceName(absl::string_view name, absl::string_view collection) {
  return absl::StartsWith(name, collection) && name.size() == collection.size() + 1 + kIdLength &&
         name[collection.size()] == '/' && IsId(IdOf(name));
}

absl::string_view IdOf(absl::string_view name) {
  const size_t slash = name.find('/');
  return slash == absl::string_view::npos ? absl::string_view() : name.substr(slash + 1);
}

}  // namespace octavo
