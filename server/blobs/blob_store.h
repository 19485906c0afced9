// Blobs: bytes named by their SHA-256. Uploads and artifacts are blobs once they are whole.

#ifndef OCTAVO_SERVER_BLOBS_BLOB_STORE_H_
#define OCTAVO_SERVER_BLOBS_BLOB_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/file.h"

namespace octavo {

// What names a blob, and how many bytes it has.
struct StoredBlob {
  std::string digest;
  int64_t size_bytes = 0;
};

// A blob to read from, by pread.
struct OpenedBlob {
  UniqueFd fd;
  int64_t size_bytes = 0;
};

// Bytes that are kept under a name until they are whole or given up.
struct PartialEntry {
  std::string id;
  absl::Time last_write;
};

// A blob on its way in, hashed while it is written. Not thread-safe: its stream's. Destroying it
// keeps the committed bytes; it can be opened again.
class PartialBlob {
 public:
  virtual ~PartialBlob() = default;

  // Bytes that no crash takes away; writing goes on from here after one.
  virtual int64_t committed_bytes() const = 0;
  // Committed bytes and those appended since.
  virtual int64_t size_bytes() const = 0;

  // Reads at most `max_bytes` of what an earlier writer left again, for the hash; true when all was
  // read. Append and Commit do what is left of it, which may take long.
  virtual absl::StatusOr<bool> ReadBack(int64_t max_bytes) = 0;

  // Appends at size_bytes() and commits by itself every few megabytes. After an error nothing of
  // `bytes` is kept, and unless the disk failed (INTERNAL) appending may be tried again.
  // RESOURCE_EXHAUSTED (DISK_FULL). FAILED_PRECONDITION: it was committed as a blob.
  virtual absl::Status Append(absl::string_view bytes) = 0;

  // Commits all that was appended. Where streams end and before a size is told to a client.
  virtual absl::Status Sync() = 0;

  // Turns it into a blob; when this returns, the blob outlives a crash. Repeatable until
  // DeletePartial, also by another process after a crash. INVALID_ARGUMENT (DIGEST_MISMATCH,
  // metadata "digest"; or FIELD_INVALID for the size): the bytes are not the ones declared; the
  // partial is empty again. Empty `digest` or 0 `size_bytes`: none was declared.
  virtual absl::StatusOr<StoredBlob> Commit(absl::string_view digest, int64_t size_bytes) = 0;
};

// Keeps blobs. Thread-safe; every call blocks on the disk. Names are checked, INVALID_ARGUMENT for
// others: partials have ids of ours (lower-case letters and digits, at most 64), blobs SHA-256
// digests.
//
// An upload goes: OpenPartial, Append..., Commit, then the metadata's own commit, then
// DeletePartial. A crash anywhere between leaves something that OpenPartial goes on from.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Makes the partial `id`, or opens it where it was left.
  // ABORTED: it is open already. RESOURCE_EXHAUSTED (DISK_FULL).
  virtual absl::StatusOr<std::unique_ptr<PartialBlob>> OpenPartial(absl::string_view id) = 0;
  // Committed bytes; 0 where nothing was written.
  virtual absl::StatusOr<int64_t> PartialBytes(absl::string_view id) = 0;
  // OK also where there is none. ABORTED: it is open.
  virtual absl::Status DeletePartial(absl::string_view id) = 0;
  virtual absl::StatusOr<std::vector<PartialEntry>> ListPartials() = 0;

  // The blob's size, or NOT_FOUND. Saves it from the sweeper for the grace period: ask before a row
  // names it.
  virtual absl::StatusOr<StoredBlob> Touch(absl::string_view digest) = 0;
  // NOT_FOUND.
  virtual absl::StatusOr<OpenedBlob> Open(absl::string_view digest) = 0;
  // Copies what can be read from `fd` from offset 0 and hashes the copy, so that nobody who still
  // holds the file can change the blob. RESOURCE_EXHAUSTED (TOO_LARGE): more than `max_bytes`;
  // (DISK_FULL). INVALID_ARGUMENT: not a regular file.
  virtual absl::StatusOr<StoredBlob> PutFile(int fd, int64_t max_bytes) = 0;
  // Deletes a blob that nobody touched or wrote since `before`. OK also where there is none; true
  // if it is gone.
  virtual absl::StatusOr<bool> DeleteUnused(absl::string_view digest, absl::Time before) = 0;
  // All digests not touched or written since `before`.
  virtual absl::StatusOr<std::vector<std::string>> ListUnused(absl::Time before) = 0;

  // Bytes that can still be written; a lower bound is enough.
  virtual absl::StatusOr<int64_t> FreeBytes() = 0;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_BLOBS_BLOB_STORE_H_
