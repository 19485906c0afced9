#include "server/blobs/local_blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/log/log.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "core/base/error_details.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

constexpr int64_t kReadBytes = 1 << 20;
constexpr absl::Duration kDiskFullDelay = absl::Minutes(1);
constexpr absl::Duration kBusyDelay = absl::Seconds(1);
constexpr char kStateSuffix[] = ".state";
// What a state file holds instead of a digest before the blob is committed.
constexpr char kNoDigest[] = "-";

absl::Status DiskFull(absl::string_view message) {
  const absl::Status full = WithReason(absl::ResourceExhaustedError(message), "DISK_FULL");
  return WithRetryDelay(WithQuotaFailure(full, "server"), kDiskFullDelay);
}

// An errno of a call that writes. Messages name no path: clients see them.
absl::Status DiskStatus(int error, absl::string_view doing) {
  absl::Status status = ErrnoStatus(error, doing);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) return DiskFull(status.message());
  return status;
}

absl::Status Disk(bool ok, absl::string_view doing) {
  return ok ? absl::OkStatus() : DiskStatus(errno, doing);
}

bool IsPartialId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c);
  });
}

absl::Status CheckPartialId(absl::string_view id) {
  return IsPartialId(id) ? absl::OkStatus() : absl::InvalidArgumentError("not an upload's id");
}

absl::Status CheckDigest(absl::string_view digest) {
  return IsSha256Hex(digest) ? absl::OkStatus() : FieldError("digest", "not a SHA-256");
}

absl::Time LastWrite(const struct stat& info) { return absl::TimeFromTimespec(info.st_mtim); }

absl::Status SetLastWrite(int fd, absl::Time time) {
  const timespec both[2] = {absl::ToTimespec(time), absl::ToTimespec(time)};
  return Disk(::futimens(fd, both) == 0, "futimens");
}

// Makes the folder where it is missing.
absl::StatusOr<UniqueFd> OpenFolder(int parent_fd, const std::string& name) {
  if (::mkdirat(parent_fd, name.c_str(), 0750) != 0 && errno != EEXIST) {
    return DiskStatus(errno, "making a folder");
  }
  UniqueFd fd(::openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "opening a folder");
  return fd;
}

// The names in a folder, without the two that every folder has.
absl::StatusOr<std::vector<std::string>> ListFolder(int folder_fd) {
  const int copy = ::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return ErrnoStatus(errno, "listing a folder");
  DIR* const folder = ::fdopendir(copy);
  if (folder == nullptr) {
    ::close(copy);
    return ErrnoStatus(errno, "listing a folder");
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  ::closedir(folder);
  return names;
}

// What is known of a partial after a crash: one record shorter than a disk sector, written in
// place.
struct PartialState {
  int64_t committed_bytes = 0;
  // Set once it is a blob, or is about to be renamed to one.
  std::string digest;
};

std::string Encode(const PartialState& state) {
  return absl::StrFormat("octavo1 %016x %-64s\n", state.committed_bytes,
                         state.digest.empty() ? kNoDigest : state.digest);
}

PartialState DecodePartialState(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ' ');
  PartialState state;
  if (parts.size() < 3 || parts[0] != "octavo1" ||
      !absl::SimpleHexAtoi(parts[1], &state.committed_bytes) || state.committed_bytes < 0) {
    return {};
  }
  const absl::string_view digest = absl::StripAsciiWhitespace(parts[2]);
  if (IsSha256Hex(digest)) state.digest = std::string(digest);
  return state;
}

absl::StatusOr<PartialState> ReadPartialState(int fd) {
  char text[128];
  const ssize_t count = ::pread(fd, text, sizeof text, 0);
  if (count < 0) return ErrnoStatus(errno, "reading an upload's state");
  return DecodePartialState(absl::string_view(text, count));
}

// "ab" and "cdef...": the folder and the file of a digest.
std::string FolderOf(absl::string_view digest) { return std::string(digest.substr(0, 2)); }
std::string FileOf(absl::string_view digest) { return std::string(digest.substr(2)); }
std::string PathOf(absl::string_view digest) {
  return absl::StrCat(FolderOf(digest), "/", FileOf(digest));
}

class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(Clock& clock, LocalBlobStoreOptions options)
      : clock_(clock), options_(std::move(options)) {}

  absl::Status Init(const std::string& folder) {
    ASSIGN_OR_RETURN(root_, OpenFolder(AT_FDCWD, folder));
    ASSIGN_OR_RETURN(blobs_, OpenFolder(root_.get(), "sha256"));
    ASSIGN_OR_RETURN(partials_, OpenFolder(root_.get(), "partial"));
    ASSIGN_OR_RETURN(copies_, OpenFolder(root_.get(), "copy"));
    RETURN_IF_ERROR(Disk(::fsync(root_.get()) == 0, "fsync of a folder"));
    // What a copy left when its process died.
    ASSIGN_OR_RETURN(const std::vector<std::string> left, ListFolder(copies_.get()));
    for (const std::string& name : left) ::unlinkat(copies_.get(), name.c_str(), 0);
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<PartialBlob>> OpenPartial(absl::string_view id) override;

  absl::StatusOr<int64_t> PartialBytes(absl::string_view id) override {
    RETURN_IF_ERROR(CheckPartialId(id));
    const UniqueFd state_fd(::openat(partials_.get(), absl::StrCat(id, kStateSuffix).c_str(),
                                     O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!state_fd.valid() && errno == ENOENT) return 0;
    if (!state_fd.valid()) return ErrnoStatus(errno, "opening an upload's state");
    ASSIGN_OR_RETURN(const PartialState state, ReadPartialState(state_fd.get()));
    return state.committed_bytes;
  }

  absl::Status DeletePartial(absl::string_view id) override {
    RETURN_IF_ERROR(CheckPartialId(id));
    RETURN_IF_ERROR(Claim(id));
    // The bytes first: a state without bytes is an empty partial, bytes without a state are too.
    absl::Status status = Unlink(partials_.get(), std::string(id));
    if (status.ok()) status = Unlink(partials_.get(), absl::StrCat(id, kStateSuffix));
    Release(id);
    return status;
  }

  absl::StatusOr<std::vector<PartialEntry>> ListPartials() override {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListFolder(partials_.get()));
    std::vector<PartialEntry> entries;
    for (const std::string& name : names) {
      const absl::string_view id = absl::StripSuffix(name, kStateSuffix);
      struct stat info;
      if (id.size() == name.size()) continue;
      if (::fstatat(partials_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      entries.push_back({.id = std::string(id), .last_write = LastWrite(info)});
    }
    return entries;
  }

  absl::StatusOr<StoredBlob> Touch(absl::string_view digest) override {
    const absl::MutexLock lock(&sweep_mutex_);
    ASSIGN_OR_RETURN(const OpenedBlob blob, Open(digest));
    RETURN_IF_ERROR(SetLastWrite(blob.fd.get(), clock_.Now()));
    return StoredBlob{.digest = std::string(digest), .size_bytes = blob.size_bytes};
  }

  absl::StatusOr<OpenedBlob> Open(absl::string_view digest) override {
    RETURN_IF_ERROR(CheckDigest(digest));
    UniqueFd fd(::openat(blobs_.get(), PathOf(digest).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("blob ", digest));
    ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd.get()), "blob ", digest);
    return OpenedBlob{.fd = std::move(fd), .size_bytes = size_bytes};
  }

  absl::StatusOr<StoredBlob> PutFile(int fd, int64_t max_bytes) override;

  absl::StatusOr<bool> DeleteUnused(absl::string_view digest, absl::Time before) override {
    RETURN_IF_ERROR(CheckDigest(digest));
    const absl::MutexLock lock(&sweep_mutex_);
    struct stat info;
    if (::fstatat(blobs_.get(), PathOf(digest).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return true;
      return ErrnoStatus(errno, "looking at a blob");
    }
    if (LastWrite(info) >= before) return false;
    RETURN_IF_ERROR(Unlink(blobs_.get(), PathOf(digest)));
    return true;
  }

  absl::StatusOr<std::vector<std::string>> ListUnused(absl::Time before) override {
    std::vector<std::string> digests;
    ASSIGN_OR_RETURN(const std::vector<std::string> folders, ListFolder(blobs_.get()));
    for (const std::string& folder : folders) {
      UniqueFd fd(::openat(blobs_.get(), folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!fd.valid()) continue;
      ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFolder(fd.get()));
      for (const std::string& file : files) {
        struct stat info;
        if (::fstatat(fd.get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        std::string digest = absl::StrCat(folder, file);
        if (IsSha256Hex(digest) && LastWrite(info) < before) digests.push_back(std::move(digest));
      }
    }
    return digests;
  }

  absl::StatusOr<int64_t> FreeBytes() override {
    struct statvfs info;
    if (::fstatvfs(root_.get(), &info) != 0) return ErrnoStatus(errno, "statvfs");
    const int64_t free_bytes = static_cast<int64_t>(info.f_bavail) * info.f_frsize;
    return std::max<int64_t>(0, free_bytes - options_.reserved_bytes);
  }

  // --- For the partials. ---

  absl::Status Step(const char* name) const {
    return options_.before_step ? options_.before_step(name) : absl::OkStatus();
  }

  absl::Status CheckSpace(int64_t wanted_bytes) {
    ASSIGN_OR_RETURN(const int64_t free_bytes, FreeBytes());
    return wanted_bytes <= free_bytes ? absl::OkStatus() : DiskFull("the disk is full");
  }

  // Renames a whole, synced file to its digest's name. An equal blob that is there already is
  // replaced: both have the same bytes, and this one was just read.
  absl::Status Adopt(int folder_fd, const std::string& name, int fd, const std::string& digest) {
    ASSIGN_OR_RETURN(const UniqueFd folder, OpenFolder(blobs_.get(), FolderOf(digest)));
    RETURN_IF_ERROR(Disk(::fsync(blobs_.get()) == 0, "fsync of a folder"));
    RETURN_IF_ERROR(SetLastWrite(fd, clock_.Now()));
    RETURN_IF_ERROR(Step("sync blob"));
    RETURN_IF_ERROR(Disk(::fsync(fd) == 0, "fsync of a blob"));
    {
      const absl::MutexLock lock(&sweep_mutex_);
      RETURN_IF_ERROR(Step("rename"));
      const int renamed = ::renameat(folder_fd, name.c_str(), folder.get(), FileOf(digest).c_str());
      RETURN_IF_ERROR(Disk(renamed == 0, "rename of a blob"));
    }
    RETURN_IF_ERROR(Step("sync folder"));
    return Disk(::fsync(folder.get()) == 0, "fsync of a folder");
  }

  void Release(absl::string_view id) {
    const absl::MutexLock lock(&open_mutex_);
    open_.erase(std::string(id));
  }

  int partials_fd() const { return partials_.get(); }
  absl::Time Now() const { return clock_.Now(); }
  const LocalBlobStoreOptions& options() const { return options_; }

 private:
  absl::Status Claim(absl::string_view id) {
    const absl::MutexLock lock(&open_mutex_);
    if (open_.insert(std::string(id)).second) return absl::OkStatus();
    return WithRetryDelay(
        WithReason(absl::AbortedError("another stream writes this upload"), "UPLOAD_BUSY"),
        kBusyDelay);
  }

  absl::StatusOr<StoredBlob> CopyAll(int from, int to, int64_t max_bytes);

  absl::Status Unlink(int folder_fd, const std::string& name) {
    if (::unlinkat(folder_fd, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
    return ErrnoStatus(errno, "deleting a file");
  }

  Clock& clock_;
  const LocalBlobStoreOptions options_;
  UniqueFd root_;
  UniqueFd blobs_;
  UniqueFd partials_;
  UniqueFd copies_;
  std::atomic<int64_t> next_copy_ = 0;
  // Held from looking at a blob's time to acting on it, so that a touched blob is never deleted.
  absl::Mutex sweep_mutex_;
  absl::Mutex open_mutex_;
  std::set<std::string> open_ ABSL_GUARDED_BY(open_mutex_);
};

class LocalPartial final : public PartialBlob {
 public:
  LocalPartial(LocalBlobStore& store, absl::string_view id) : store_(store), id_(id) {}
  ~LocalPartial() override { store_.Release(id_); }

  absl::Status Init() {
    constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    state_fd_ = UniqueFd(
        ::openat(store_.partials_fd(), absl::StrCat(id_, kStateSuffix).c_str(), kFlags, 0640));
    RETURN_IF_ERROR(Disk(state_fd_.valid(), "opening an upload"));
    RETURN_IF_ERROR(SetLastWrite(state_fd_.get(), store_.Now()));
    ASSIGN_OR_RETURN(PartialState state, ReadPartialState(state_fd_.get()));
    struct stat info;
    const bool has_bytes =
        ::fstatat(store_.partials_fd(), id_.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (!has_bytes && !state.digest.empty()) {
      absl::StatusOr<StoredBlob> blob = store_.Touch(state.digest);
      if (blob.ok()) {
        committed_bytes_ = size_bytes_ = hashed_bytes_ = blob->size_bytes;
        blob_ = *std::move(blob);
        return absl::OkStatus();
      }
      if (!absl::IsNotFound(blob.status())) return blob.status();
    }
    fd_ = UniqueFd(::openat(store_.partials_fd(), id_.c_str(), kFlags, 0640));
    RETURN_IF_ERROR(Disk(fd_.valid(), "opening an upload"));
    RETURN_IF_ERROR(Disk(::fsync(store_.partials_fd()) == 0, "fsync of a folder"));
    return Resume(state.committed_bytes);
  }

  int64_t committed_bytes() const override { return committed_bytes_; }
  int64_t size_bytes() const override { return size_bytes_; }

  absl::StatusOr<bool> ReadBack(int64_t max_bytes) override {
    const int64_t end =
        committed_bytes_ - hashed_bytes_ > max_bytes ? hashed_bytes_ + max_bytes : committed_bytes_;
    std::vector<uint8_t> bytes;
    while (hashed_bytes_ < end) {
      bytes.resize(std::min(kReadBytes, end - hashed_bytes_));
      RETURN_IF_ERROR(ReadAt(fd_.get(), hashed_bytes_, bytes), "reading an upload again");
      hash_.Update(bytes);
      hashed_bytes_ += bytes.size();
    }
    return hashed_bytes_ >= committed_bytes_;
  }

  absl::Status Append(absl::string_view bytes) override {
    RETURN_IF_ERROR(CheckWritable());
    RETURN_IF_ERROR(ReadBack(INT64_MAX).status());
    absl::Status status = store_.CheckSpace(bytes.size());
    if (status.ok()) status = store_.Step("write");
    if (status.ok()) status = WriteAt(size_bytes_, bytes);
    if (!status.ok()) {
      // Best effort: what lies behind size_bytes_ is never read again either way.
      (void)::ftruncate(fd_.get(), size_bytes_);
      return status;
    }
    hash_.Update(bytes);
    size_bytes_ += bytes.size();
    hashed_bytes_ = size_bytes_;
    if (size_bytes_ - committed_bytes_ < store_.options().commit_interval_bytes) {
      return absl::OkStatus();
    }
    return Sync();
  }

  absl::Status Sync() override {
    if (blob_ || size_bytes_ == committed_bytes_) return absl::OkStatus();
    RETURN_IF_ERROR(CheckWritable());
    RETURN_IF_ERROR(SyncBytes());
    RETURN_IF_ERROR(WriteState({.committed_bytes = size_bytes_, .digest = {}}));
    committed_bytes_ = size_bytes_;
    return absl::OkStatus();
  }

  absl::StatusOr<StoredBlob> Commit(absl::string_view digest, int64_t size_bytes) override {
    if (!blob_) {
      RETURN_IF_ERROR(CheckWritable());
      RETURN_IF_ERROR(ReadBack(INT64_MAX).status());
    }
    const std::string found = blob_ ? blob_->digest : hash_.HexDigest();
    if (absl::Status status = Compare(digest, size_bytes, found); !status.ok()) {
      if (absl::Status reset = StartAgain(); !reset.ok()) return reset;
      return status;
    }
    if (blob_) return *blob_;
    RETURN_IF_ERROR(SyncBytes());
    // Before the rename, so that whoever finds no bytes knows where they went.
    RETURN_IF_ERROR(WriteState({.committed_bytes = size_bytes_, .digest = found}));
    committed_bytes_ = size_bytes_;
    RETURN_IF_ERROR(store_.Adopt(store_.partials_fd(), id_, fd_.get(), found));
    fd_.Close();
    blob_ = StoredBlob{.digest = found, .size_bytes = size_bytes_};
    return *blob_;
  }

 private:
  absl::Status CheckWritable() const {
    if (!failure_.ok()) return failure_;
    if (blob_) return absl::FailedPreconditionError("the upload is complete");
    return absl::OkStatus();
  }

  absl::Status Compare(absl::string_view digest, int64_t size_bytes,
                       const std::string& found) const {
    if (size_bytes != 0 && size_bytes != size_bytes_) {
      return FieldError("size_bytes",
                        absl::StrCat(size_bytes_, " bytes came, ", size_bytes, " were declared"));
    }
    if (digest.empty() || digest == found) return absl::OkStatus();
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat("the bytes have digest ", found, ", not ", digest)),
        "DIGEST_MISMATCH", {{"digest", found}});
  }

  // Takes over the first `committed_bytes` of what an earlier writer left.
  absl::Status Resume(int64_t committed_bytes) {
    ASSIGN_OR_RETURN(const int64_t file_bytes, FileSize(fd_.get()));
    if (file_bytes < committed_bytes) {
      LOG(ERROR) << "upload " << id_ << " lost bytes that were synced: it starts again";
      return StartAgain();
    }
    RETURN_IF_ERROR(Disk(::ftruncate(fd_.get(), committed_bytes) == 0, "ftruncate"));
    size_bytes_ = committed_bytes_ = committed_bytes;
    return absl::OkStatus();
  }

  absl::Status StartAgain() {
    RETURN_IF_ERROR(WriteState({}));
    committed_bytes_ = size_bytes_ = hashed_bytes_ = 0;
    hash_ = Sha256();
    if (blob_) {
      blob_.reset();
      return Init();
    }
    return Disk(::ftruncate(fd_.get(), 0) == 0, "ftruncate");
  }

  absl::Status WriteAt(int64_t offset, absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::pwrite(fd_.get(), bytes.data(), bytes.size(), offset);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return DiskStatus(errno, "writing an upload");
      bytes.remove_prefix(count);
      offset += count;
    }
    return absl::OkStatus();
  }

  // After a failed sync the kernel may have dropped the bytes and will say OK the next time:
  // nothing more is believed until it is opened again.
  absl::Status SyncBytes() {
    absl::Status status = store_.Step("sync");
    if (status.ok()) status = Disk(::fdatasync(fd_.get()) == 0, "fsync of an upload");
    if (!status.ok()) failure_ = status;
    return status;
  }

  absl::Status WriteState(const PartialState& state) {
    RETURN_IF_ERROR(store_.Step("write state"));
    const std::string text = Encode(state);
    const ssize_t count = ::pwrite(state_fd_.get(), text.data(), text.size(), 0);
    absl::Status status = Disk(count == static_cast<ssize_t>(text.size()), "writing a state");
    if (status.ok()) status = SetLastWrite(state_fd_.get(), store_.Now());
    if (status.ok()) status = Disk(::fsync(state_fd_.get()) == 0, "fsync of a state");
    if (!status.ok()) failure_ = status;
    return status;
  }

  LocalBlobStore& store_;
  const std::string id_;
  UniqueFd fd_;
  UniqueFd state_fd_;
  Sha256 hash_;
  int64_t size_bytes_ = 0;
  int64_t committed_bytes_ = 0;
  // Of size_bytes_, those that `hash_` has seen.
  int64_t hashed_bytes_ = 0;
  std::optional<StoredBlob> blob_;
  absl::Status failure_;
};

absl::StatusOr<std::unique_ptr<PartialBlob>> LocalBlobStore::OpenPartial(absl::string_view id) {
  RETURN_IF_ERROR(CheckPartialId(id));
  RETURN_IF_ERROR(Claim(id));
  auto partial = std::make_unique<LocalPartial>(*this, id);
  RETURN_IF_ERROR(partial->Init());
  return partial;
}

absl::StatusOr<StoredBlob> LocalBlobStore::PutFile(int fd, int64_t max_bytes) {
  RETURN_IF_ERROR(FileSize(fd).status());
  const std::string name = absl::StrCat(next_copy_++);
  const UniqueFd copy(::openat(copies_.get(), name.c_str(),
                               O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  RETURN_IF_ERROR(Disk(copy.valid(), "making a blob"));
  absl::StatusOr<StoredBlob> blob = CopyAll(fd, copy.get(), max_bytes);
  absl::Status status = blob.status();
  if (status.ok()) status = Adopt(copies_.get(), name, copy.get(), blob->digest);
  if (status.ok()) return blob;
  ::unlinkat(copies_.get(), name.c_str(), 0);
  return status;
}

absl::StatusOr<StoredBlob> LocalBlobStore::CopyAll(int from, int to, int64_t max_bytes) {
  Sha256 hash;
  std::vector<uint8_t> buffer(kReadBytes);
  int64_t size_bytes = 0;
  while (true) {
    const ssize_t count = ::pread(from, buffer.data(), buffer.size(), size_bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "reading a file");
    if (count == 0) return StoredBlob{.digest = hash.HexDigest(), .size_bytes = size_bytes};
    size_bytes += count;
    if (size_bytes > max_bytes) {
      return WithReason(absl::ResourceExhaustedError(
                            absl::StrCat("the file has more than ", max_bytes, " bytes")),
                        "TOO_LARGE");
    }
    RETURN_IF_ERROR(CheckSpace(count));
    RETURN_IF_ERROR(Step("write"));
    const std::span<const uint8_t> bytes(buffer.data(), count);
    if (absl::Status status = WriteAll(to, bytes); !status.ok()) {
      return absl::IsResourceExhausted(status) ? DiskFull(status.message()) : status;
    }
    hash.Update(bytes);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<BlobStore>> OpenLocalBlobStore(const std::string& folder,
                                                              Clock& clock,
                                                              LocalBlobStoreOptions options) {
  auto store = std::make_unique<LocalBlobStore>(clock, std::move(options));
  RETURN_IF_ERROR(store->Init(folder), "opening the blob folder");
  return store;
}

}  // namespace octavo
