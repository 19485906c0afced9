// SHA-256 digests, by which everything that is kept is named.

#ifndef OCTAVO_CORE_BASE_SHA256_H_
#define OCTAVO_CORE_BASE_SHA256_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace octavo {

// A digest of bytes that come in parts. Not thread-safe: one owner at a time.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void Update(std::span<const uint8_t> bytes);
  void Update(absl::string_view bytes);

  // 64 lower-case hexadecimal digits, of all bytes so far. Updating may go on.
  std::string HexDigest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Sha256Hex(std::span<const uint8_t> bytes);
std::string Sha256Hex(absl::string_view bytes);

// Whether `text` is a digest as HexDigest writes it.
bool IsSha256Hex(absl::string_view text);

}  // namespace octavo

#endif  // OCTAVO_CORE_BASE_SHA256_H_
