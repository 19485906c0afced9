#include "tests/core/data/tar_bytes.h"

#include <zlib.h>

#include <cstdint>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/crc32c.h"

namespace octavo {
namespace {

constexpr size_t kBlock = 512;

std::string Header(const TarEntry& entry) {
  std::string header(kBlock, '\0');
  const auto put = [&](size_t place, absl::string_view text) {
    header.replace(place, text.size(), text.data(), text.size());
  };
  put(0, entry.name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, absl::StrFormat("%011o", entry.claimed_size.value_or(entry.bytes.size())));
  put(136, "00000000000");
  put(148, "        ");
  header[156] = entry.type;
  put(157, entry.link);
  put(257, absl::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<uint8_t>(c);
  put(148, absl::StrFormat("%06o", sum));
  header[154] = '\0';
  return header;
}

std::string LittleEndian(uint64_t value, int num_bytes) {
  std::string bytes;
  for (int i = 0; i < num_bytes; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 255));
  return bytes;
}

std::string Masked(absl::string_view bytes) {
  const uint32_t sum = Crc32c(bytes);
  return LittleEndian(((sum >> 15 | sum << 17) + 0xa282ead8u) & 0xffffffffu, 4);
}

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes.push_back(static_cast<char>((value & 127) | 128));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

}  // namespace

std::string TarBytes(const std::vector<TarEntry>& entries) {
  std::string tar;
  for (const TarEntry& entry : entries) {
    absl::StrAppend(&tar, Header(entry), entry.bytes);
    tar.resize((tar.size() + kBlock - 1) / kBlock * kBlock, '\0');
  }
  return tar + std::string(2 * kBlock, '\0');
}

std::string Gzipped(absl::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindowBits = 15 + 16;
  CHECK_EQ(deflateInit2(&stream, 1, Z_DEFLATED, kGzipWindowBits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  CHECK_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

TarEntry PaxPath(absl::string_view path) {
  const std::string line = absl::StrCat(" path=", path, "\n");
  // A record's length counts its own digits, here two.
  return {"pax", absl::StrCat(line.size() + 2, line), 'x'};
}

std::string RecordBytes(absl::string_view record) {
  const std::string length = LittleEndian(record.size(), 8);
  return absl::StrCat(length, Masked(length), record, Masked(record));
}

std::string Delimited(int number, absl::string_view bytes) {
  return absl::StrCat(Varint(static_cast<uint64_t>(number) << 3 | 2), Varint(bytes.size()), bytes);
}

std::string ExampleBytes(const std::vector<std::pair<std::string, std::string>>& features) {
  std::string entries;
  for (const auto& [name, feature] : features) {
    absl::StrAppend(&entries, Delimited(1, Delimited(1, name) + Delimited(2, feature)));
  }
  return Delimited(1, entries);
}

}  // namespace octavo
