// What one stream of chunks does to an upload.

#ifndef OCTAVO_SERVER_API_UPLOAD_WRITER_H_
#define OCTAVO_SERVER_API_UPLOAD_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "octavo/v1/uploads.pb.h"
#include "server/api/api_context.h"
#include "server/blobs/blob_store.h"

namespace octavo {

// "model", "dataset": as metrics call it.
std::string KindName(v1::UploadKind kind);

// Not thread-safe: one step at a time. Every call blocks on the disk.
class UploadWriter {
 public:
  explicit UploadWriter(ApiContext& api) : api_(api) {}

  // Opens the upload that the first message names and reads back a slice of what it has; true when
  // that is done and Take may follow with the same message. Errors as WriteUpload names them; after
  // one only Pause may follow.
  absl::StatusOr<bool> Prepare(const v1::WriteUploadRequest& message);

  // Takes the next message of the stream. Errors as of Prepare.
  absl::Status Take(const v1::WriteUploadRequest& message);

  // The last message was taken: the upload is complete.
  bool complete() const { return upload_.state() == v1::Upload::STATE_COMPLETE; }

  // The stream ended before the upload did: what came is kept, to go on from.
  absl::Status Pause();

  const v1::Upload& upload() const { return upload_; }

 private:
  absl::Status OpenAt(const v1::WriteUploadRequest& first);
  // The row, if it still takes bytes.
  absl::StatusOr<v1::Upload> OpenUpload(const std::string& name) const;
  // Replaces the row with `upload` where it is still there and open: NOT_FOUND,
  // FAILED_PRECONDITION (UPLOAD_COMPLETE).
  absl::Status Replace(const v1::Upload& upload);
  absl::Status CheckChunk(const v1::WriteUploadRequest& message) const;
  absl::Status CheckSize(int64_t size_bytes) const;
  absl::Status Complete();
  // The bytes are not what was declared: the upload starts again at 0.
  absl::Status StartAgain();

  ApiContext& api_;
  // Empty name: no message was taken yet.
  v1::Upload upload_;
  std::unique_ptr<PartialBlob> partial_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_UPLOAD_WRITER_H_
