#include "core/data/npz_file.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"
#include "core/data/dataset_error.h"
#include "core/data/zip_file.h"

namespace octavo {
namespace {

constexpr int64_t kMaxArrays = 4096;
constexpr size_t kMaxNameBytes = 256;

absl::StatusOr<std::string> ArrayName(const ZipFile& zip, uint64_t index) {
  const std::string name = zip.Name(index);
  const absl::string_view stem = absl::StripSuffix(name, ".npy");
  if (stem.empty() || stem.size() > kMaxNameBytes || !IsUtf8(stem)) {
    return MalformedDataset(absl::StrCat("the name of entry ", index, " is no array's"));
  }
  return std::string(stem);
}

bool IsSingleArray(int fd) {
  uint8_t first[6] = {};
  return ReadAt(fd, 0, first).ok() && first[0] == 0x93 && std::memcmp(first + 1, "NUMPY", 5) == 0;
}

}  // namespace

struct NpzFile::State {
  int fd;
  ZipFile zip;
  std::vector<NpzArray> arrays;

  absl::StatusOr<NpzArray> ReadArray(uint64_t index, std::string name);
};

absl::StatusOr<NpzArray> NpzFile::State::ReadArray(uint64_t index, std::string name) {
  ASSIGN_OR_RETURN(const PackedEntry entry, zip.Stat(index));
  std::vector<uint8_t> start(std::min(entry.size_bytes, kMaxNpyHeaderBytes));
  // Most headers take 128 bytes; the rest is unpacked only where it is needed.
  const size_t usual = std::min<size_t>(start.size(), 128);
  const std::span<uint8_t> first = std::span(start).first(usual);
  ASSIGN_OR_RETURN(const int64_t got, zip.Read(index, {&first, 1}));
  if (got != static_cast<int64_t>(usual)) return MalformedDataset("its entry is cut off");
  auto header = ParseNpyHeader(first);
  if (!header.ok() && start.size() > usual) {
    const std::span<uint8_t> whole(start);
    ASSIGN_OR_RETURN(const int64_t more, zip.Read(index, {&whole, 1}));
    header = ParseNpyHeader(whole.first(static_cast<size_t>(more)));
  }
  if (!header.ok()) return MalformedDataset(header.status().message());

  NpzArray array;
  array.name = std::move(name);
  array.header = *std::move(header);
  array.entry = index;
  array.packed_bytes = entry.packed_bytes;
  if (entry.size_bytes - array.header.header_bytes != array.header.data_bytes) {
    return MalformedDataset(absl::StrCat("its shape takes ", array.header.data_bytes,
                                         " bytes, its entry holds ",
                                         entry.size_bytes - array.header.header_bytes));
  }
  if (entry.is_deflated) return array;

  ASSIGN_OR_RETURN(const int64_t offset, zip.Offset(entry));
  std::vector<uint8_t> in_place(usual);
  if (!ReadAt(fd, offset, in_place).ok() ||
      std::memcmp(in_place.data(), start.data(), usual) != 0) {
    return MalformedDataset("its entry lies outside the file");
  }
  array.file_offset = offset + array.header.header_bytes;
  return array;
}

NpzFile::NpzFile(std::unique_ptr<State> state) : state_(std::move(state)) {}
NpzFile::NpzFile(NpzFile&&) noexcept = default;
NpzFile& NpzFile::operator=(NpzFile&&) noexcept = default;
NpzFile::~NpzFile() = default;

absl::StatusOr<NpzFile> NpzFile::Open(int fd) {
  auto zip = ZipFile::Open(fd, ".npz file");
  if (!zip.ok() && IsSingleArray(fd)) {
    return MalformedDataset("this is a single .npy array; save it with numpy.savez");
  }
  RETURN_IF_ERROR(zip.status());
  auto state = std::make_unique<State>(State{fd, *std::move(zip), {}});
  const int64_t count = state->zip.num_entries();
  if (count == 0) return MalformedDataset("it has no arrays");
  if (count > kMaxArrays) {
    return MalformedDataset(absl::StrCat("it has ", count, " arrays, more than ", kMaxArrays));
  }
  std::set<std::string> names;
  for (int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(i);
    ASSIGN_OR_RETURN(std::string name, ArrayName(state->zip, index));
    if (!names.insert(name).second) {
      return MalformedDataset(absl::StrCat("array '", name, "' is there twice"));
    }
    ASSIGN_OR_RETURN(NpzArray array, state->ReadArray(index, name), "array '", name, "'");
    state->arrays.push_back(std::move(array));
  }
  return NpzFile(std::move(state));
}

const std::vector<NpzArray>& NpzFile::arrays() const { return state_->arrays; }

const NpzArray* NpzFile::Find(absl::string_view name) const {
  for (const NpzArray& array : state_->arrays) {
    if (array.name == name) return &array;
  }
  return nullptr;
}

absl::StatusOr<std::vector<uint8_t>> NpzFile::Unpack(const NpzArray& array, int64_t bytes) {
  std::vector<uint8_t> header(static_cast<size_t>(array.header.header_bytes));
  std::vector<uint8_t> data(static_cast<size_t>(bytes));
  // The sum over the entry is checked at its end.
  uint8_t end = 0;
  const bool is_whole = bytes == array.header.data_bytes;
  const std::span<uint8_t> parts[] = {header, data, {&end, is_whole ? size_t{1} : size_t{0}}};
  ASSIGN_OR_RETURN(const int64_t got, state_->zip.Read(array.entry, parts), "array '", array.name,
                   "'");
  const int64_t wanted = array.header.header_bytes + bytes;
  if (got < wanted) {
    return MalformedDataset(absl::StrCat("array '", array.name, "': its entry is cut off"));
  }
  if (got > wanted) {
    return MalformedDataset(absl::StrCat("array '", array.name, "' is longer than it claims"));
  }
  return data;
}

}  // namespace octavo
