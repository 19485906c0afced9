#include "core/base/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "absl/log/check.h"
#include "absl/strings/escaping.h"

namespace octavo {
namespace {

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

std::span<const uint8_t> AsBytes(absl::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

struct Sha256::State {
  Context context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  CHECK_EQ(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr), 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::Update(std::span<const uint8_t> bytes) {
  CHECK_EQ(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()), 1);
}
void Sha256::Update(absl::string_view bytes) { Update(AsBytes(bytes)); }

std::string Sha256::HexDigest() const {
  const Context copy(EVP_MD_CTX_new());
  CHECK_EQ(EVP_MD_CTX_copy_ex(copy.get(), state_->context.get()), 1);
  std::array<unsigned char, 32> digest;
  CHECK_EQ(EVP_DigestFinal_ex(copy.get(), digest.data(), nullptr), 1);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string Sha256Hex(std::span<const uint8_t> bytes) {
  Sha256 sha256;
  sha256.Update(bytes);
  return sha256.HexDigest();
}
std::string Sha256Hex(absl::string_view bytes) { return Sha256Hex(AsBytes(bytes)); }

bool IsSha256Hex(absl::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace octavo
