#include "tests/core/data/zip_bytes.h"

#include <sys/mman.h>
#include <zlib.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"

namespace octavo {
namespace {

void Append16(std::string& out, uint32_t value) {
  out.push_back(static_cast<char>(value & 255));
  out.push_back(static_cast<char>(value >> 8 & 255));
}

void Append32(std::string& out, uint32_t value) {
  Append16(out, value & 0xffff);
  Append16(out, value >> 16);
}

std::string Deflated(absl::string_view bytes) {
  z_stream stream{};
  CHECK_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  CHECK_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// What a local header and the directory have in common.
std::string CommonFields(const ZipEntry& entry, const std::string& packed) {
  const auto crc =
      static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(entry.bytes.data()),
                                  static_cast<uInt>(entry.bytes.size())));
  std::string out;
  Append16(out, 20);
  Append16(out, entry.flags);
  Append16(out, entry.deflate ? 8 : 0);
  Append32(out, 0);  // time and date
  Append32(out, entry.claimed_crc.value_or(crc));
  Append32(out, entry.claimed_packed_size.value_or(static_cast<uint32_t>(packed.size())));
  Append32(out, entry.claimed_size.value_or(static_cast<uint32_t>(entry.bytes.size())));
  Append16(out, static_cast<uint32_t>(entry.name.size()));
  Append16(out, 0);  // extra field
  return out;
}

}  // namespace

std::string ZipBytes(const std::vector<ZipEntry>& entries) {
  std::string out;
  std::string directory;
  for (const ZipEntry& entry : entries) {
    const std::string packed = entry.deflate ? Deflated(entry.bytes) : entry.bytes;
    const std::string common = CommonFields(entry, packed);
    absl::StrAppend(&directory, "PK\x01\x02");
    Append16(directory, 20);
    absl::StrAppend(&directory, common);
    Append16(directory, 0);  // comment
    Append16(directory, 0);  // disk
    Append16(directory, 0);
    Append32(directory, 0);
    Append32(directory, static_cast<uint32_t>(out.size()));
    absl::StrAppend(&directory, entry.name);
    absl::StrAppend(&out, "PK\x03\x04", common, entry.name, packed);
  }
  const auto directory_at = static_cast<uint32_t>(out.size());
  absl::StrAppend(&out, directory, "PK\x05\x06");
  Append32(out, 0);  // disks
  Append16(out, static_cast<uint32_t>(entries.size()));
  Append16(out, static_cast<uint32_t>(entries.size()));
  Append32(out, static_cast<uint32_t>(directory.size()));
  Append32(out, directory_at);
  Append16(out, 0);
  return out;
}

std::string NpyBytes(absl::string_view header, absl::string_view data) {
  std::string out = absl::StrCat("\x93NUMPY", absl::string_view("\x01\x00", 2));
  Append16(out, static_cast<uint32_t>(header.size()));
  absl::StrAppend(&out, header, data);
  return out;
}

std::string NpyBytes(absl::string_view descr, absl::string_view shape, absl::string_view data) {
  return NpyBytes(
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': ", shape, ", }\n"),
      data);
}

UniqueFd FileOf(absl::string_view bytes) {
  UniqueFd file(memfd_create("test", MFD_CLOEXEC));
  CHECK(file.valid());
  CHECK(WriteAll(file.get(), bytes).ok());
  return file;
}

}  // namespace octavo
