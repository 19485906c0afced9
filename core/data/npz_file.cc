#include "core/data/npz_file.h"

#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/utf8.h"

namespace octavo {
namespace {

constexpr int64_t kMaxArrays = 4096;
constexpr size_t kMaxNameBytes = 256;
// Deflate makes at most 258 bytes of two bits.
constexpr int64_t kMaxDeflateRatio = 1032;

// The file as libzip reads it. libzip takes it apart by position, so it is read by pread from a
// position of our own.
struct FdSource {
  int fd = -1;
  int64_t size = 0;
  int64_t position = 0;
  int64_t last_read_at = -1;
  zip_error_t error;
};

zip_int64_t ReadSource(FdSource& source, void* data, zip_uint64_t length) {
  source.last_read_at = source.position;
  const int64_t left = std::max<int64_t>(source.size - source.position, 0);
  const size_t wanted = static_cast<size_t>(std::min<zip_uint64_t>(length, left));
  size_t done = 0;
  while (done < wanted) {
    const ssize_t got = pread(source.fd, static_cast<char*>(data) + done, wanted - done,
                              static_cast<off_t>(source.position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      zip_error_set(&source.error, ZIP_ER_READ, errno);
      return -1;
    }
    if (got == 0) break;
    done += static_cast<size_t>(got);
    source.position += got;
  }
  return static_cast<zip_int64_t>(done);
}

zip_int64_t SeekSource(FdSource& source, void* data, zip_uint64_t length) {
  const zip_int64_t position = zip_source_seek_compute_offset(
      static_cast<zip_uint64_t>(source.position), static_cast<zip_uint64_t>(source.size), data,
      length, &source.error);
  if (position < 0) return -1;
  source.position = position;
  return 0;
}

zip_int64_t StatSource(FdSource& source, void* data, zip_uint64_t length) {
  zip_stat_t* stat = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, length, &source.error);
  if (stat == nullptr) return -1;
  zip_stat_init(stat);
  stat->size = static_cast<zip_uint64_t>(source.size);
  stat->valid = ZIP_STAT_SIZE;
  return sizeof(*stat);
}

zip_int64_t FdSourceCallback(void* state, void* data, zip_uint64_t length,
                             zip_source_cmd_t command) {
  auto& source = *static_cast<FdSource*>(state);
  switch (command) {
    case ZIP_SOURCE_OPEN:
      source.position = 0;
      return 0;
    case ZIP_SOURCE_READ:
      return ReadSource(source, data, length);
    case ZIP_SOURCE_SEEK:
      return SeekSource(source, data, length);
    case ZIP_SOURCE_TELL:
      return source.position;
    case ZIP_SOURCE_STAT:
      return StatSource(source, data, length);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&source.error, data, length);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_SUPPORTS:
      return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    default:
      zip_error_set(&source.error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
  }
}

struct ArchiveDeleter {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, ArchiveDeleter>;

struct EntryDeleter {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};
using Entry = std::unique_ptr<zip_file_t, EntryDeleter>;

std::string ZipErrorText(const zip_error_t& error) {
  zip_error_t copy = error;
  copy.str = nullptr;
  std::string text = zip_error_strerror(&copy);
  zip_error_fini(&copy);
  return text;
}

absl::StatusOr<int64_t> ReadEntry(zip_file_t* entry, std::span<uint8_t> into) {
  size_t done = 0;
  while (done < into.size()) {
    const zip_int64_t got = zip_fread(entry, into.data() + done, into.size() - done);
    if (got < 0) return MalformedDataset(ZipErrorText(*zip_file_get_error(entry)));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return static_cast<int64_t>(done);
}

absl::StatusOr<std::string> ArrayName(zip_t* archive, uint64_t index) {
  const char* name = zip_get_name(archive, index, ZIP_FL_ENC_GUESS);
  if (name == nullptr) return MalformedDataset("an entry has no name");
  const absl::string_view stem = absl::StripSuffix(absl::string_view(name), ".npy");
  if (stem.empty() || stem.size() > kMaxNameBytes || !IsUtf8(stem)) {
    return MalformedDataset(absl::StrCat("the name of entry ", index, " is no array's"));
  }
  return std::string(stem);
}

absl::StatusOr<zip_stat_t> CheckedStat(zip_t* archive, uint64_t index) {
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  zip_stat_t stat;
  if (zip_stat_index(archive, index, 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded) {
    return MalformedDataset("its entry is damaged");
  }
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
    return MalformedDataset("it is encrypted");
  }
  if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
    return MalformedDataset("it is packed otherwise than by deflate");
  }
  constexpr zip_uint64_t kLargest = zip_uint64_t{1} << 62;
  if (stat.size > kLargest || stat.comp_size > kLargest / kMaxDeflateRatio ||
      (stat.comp_method == ZIP_CM_STORE && stat.size != stat.comp_size) ||
      stat.size > stat.comp_size * kMaxDeflateRatio) {
    return MalformedDataset(absl::StrCat("it claims ", stat.size, " bytes of ", stat.comp_size));
  }
  return stat;
}

}  // namespace

absl::Status MalformedDataset(absl::string_view problem) {
  return WithReason(absl::InvalidArgumentError(problem), "DATASET_MALFORMED");
}

struct NpzFile::State {
  // The archive reads through the source, so it goes first.
  std::unique_ptr<FdSource> source = std::make_unique<FdSource>();
  Archive archive;
  std::vector<NpzArray> arrays;

  absl::StatusOr<Entry> OpenEntry(uint64_t index, zip_flags_t flags) {
    Entry entry(zip_fopen_index(archive.get(), index, flags));
    if (entry == nullptr) return MalformedDataset(ZipErrorText(*zip_get_error(archive.get())));
    return entry;
  }
  absl::Status OpenArchive(int fd);
  absl::StatusOr<NpzArray> ReadArray(uint64_t index, std::string name);
  absl::StatusOr<int64_t> EntryOffset(uint64_t index);
};

absl::Status NpzFile::State::OpenArchive(int fd) {
  ASSIGN_OR_RETURN(source->size, FileSize(fd));
  source->fd = fd;
  zip_error_init(&source->error);
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* zip_source = zip_source_function_create(&FdSourceCallback, source.get(), &error);
  if (zip_source == nullptr) return absl::ResourceExhaustedError(ZipErrorText(error));
  archive.reset(zip_open_from_source(zip_source, ZIP_RDONLY, &error));
  if (archive == nullptr) {
    zip_source_free(zip_source);
    uint8_t first[6] = {};
    const bool is_npy = source->size >= 6 && ReadAt(fd, 0, first).ok() && first[0] == 0x93 &&
                        std::memcmp(first + 1, "NUMPY", 5) == 0;
    const absl::Status status =
        MalformedDataset(is_npy ? "this is a single .npy array; save it with numpy.savez"
                                : absl::StrCat("this is no .npz file: ", ZipErrorText(error)));
    zip_error_fini(&error);
    return status;
  }
  return absl::OkStatus();
}

// libzip does not tell where an entry's bytes begin, but it reads them where they are: through us.
absl::StatusOr<int64_t> NpzFile::State::EntryOffset(uint64_t index) {
  ASSIGN_OR_RETURN(Entry entry, OpenEntry(index, ZIP_FL_COMPRESSED));
  uint8_t first = 0;
  ASSIGN_OR_RETURN(const int64_t got, ReadEntry(entry.get(), {&first, 1}));
  if (got != 1) return MalformedDataset("it is empty");
  return source->last_read_at;
}

absl::StatusOr<NpzArray> NpzFile::State::ReadArray(uint64_t index, std::string name) {
  ASSIGN_OR_RETURN(const zip_stat_t stat, CheckedStat(archive.get(), index));
  std::vector<uint8_t> start(std::min<uint64_t>(stat.size, kMaxNpyHeaderBytes));
  ASSIGN_OR_RETURN(Entry entry, OpenEntry(index, 0));
  // Most headers take 128 bytes; the rest is unpacked only where it is needed.
  const size_t usual = std::min<size_t>(start.size(), 128);
  ASSIGN_OR_RETURN(const int64_t got, ReadEntry(entry.get(), std::span(start).first(usual)));
  if (got != static_cast<int64_t>(usual)) return MalformedDataset("its entry is cut off");
  auto header = ParseNpyHeader(std::span(start).first(usual));
  if (!header.ok() && start.size() > usual) {
    ASSIGN_OR_RETURN(const int64_t more, ReadEntry(entry.get(), std::span(start).subspan(usual)));
    header = ParseNpyHeader(std::span(start).first(usual + static_cast<size_t>(more)));
  }
  if (!header.ok()) return MalformedDataset(header.status().message());

  NpzArray array;
  array.name = std::move(name);
  array.header = *std::move(header);
  array.entry = index;
  array.packed_bytes = static_cast<int64_t>(stat.comp_size);
  const auto entry_bytes = static_cast<int64_t>(stat.size);
  if (entry_bytes - array.header.header_bytes != array.header.data_bytes) {
    return MalformedDataset(absl::StrCat("its shape takes ", array.header.data_bytes,
                                         " bytes, its entry holds ",
                                         entry_bytes - array.header.header_bytes));
  }
  if (stat.comp_method != ZIP_CM_STORE) return array;

  ASSIGN_OR_RETURN(const int64_t offset, EntryOffset(index));
  std::vector<uint8_t> in_place(usual);
  const bool inside = offset >= 0 && entry_bytes <= source->size - offset;
  if (!inside || !ReadAt(source->fd, offset, in_place).ok() ||
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
  auto state = std::make_unique<State>();
  RETURN_IF_ERROR(state->OpenArchive(fd));
  const zip_int64_t count = zip_get_num_entries(state->archive.get(), 0);
  if (count == 0) return MalformedDataset("it has no arrays");
  if (count > kMaxArrays) {
    return MalformedDataset(absl::StrCat("it has ", count, " arrays, more than ", kMaxArrays));
  }
  std::set<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    const auto index = static_cast<uint64_t>(i);
    ASSIGN_OR_RETURN(std::string name, ArrayName(state->archive.get(), index));
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
  ASSIGN_OR_RETURN(Entry entry, state_->OpenEntry(array.entry, 0), "array '", array.name, "'");
  std::vector<uint8_t> header(static_cast<size_t>(array.header.header_bytes));
  std::vector<uint8_t> data(static_cast<size_t>(bytes));
  for (const std::span<uint8_t> part : {std::span(header), std::span(data)}) {
    ASSIGN_OR_RETURN(const int64_t got, ReadEntry(entry.get(), part), "array '", array.name, "'");
    if (got != static_cast<int64_t>(part.size())) {
      return MalformedDataset(absl::StrCat("array '", array.name, "': its entry is cut off"));
    }
  }
  // The sum over the entry is checked at its end.
  uint8_t end = 0;
  if (bytes == array.header.data_bytes) {
    ASSIGN_OR_RETURN(const int64_t more, ReadEntry(entry.get(), {&end, 1}), "array '", array.name,
                     "'");
    if (more != 0)
      return MalformedDataset(absl::StrCat("array '", array.name, "' is longer than it claims"));
  }
  return data;
}

}  // namespace octavo
