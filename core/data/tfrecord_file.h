// A TFRecord file as a table of records: lengths and bytes, each with a masked CRC-32C.

#ifndef OCTAVO_CORE_DATA_TFRECORD_FILE_H_
#define OCTAVO_CORE_DATA_TFRECORD_FILE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace octavo {

inline constexpr int64_t kMaxRecordBytes = int64_t{64} << 20;
// Before the bytes of a record: its length, and the sum over that.
inline constexpr size_t kRecordHeaderBytes = 12;

// Whether a file of records may begin so: the sum over the first length is right.
bool BeginsRecord(std::span<const uint8_t> start);

// Thread-safe once it is opened.
class TfRecordFile {
 public:
  // Sees each record while the file is opened. Errors end the opening.
  using VisitRecord = absl::FunctionRef<absl::Status(std::span<const uint8_t> record)>;

  // Reads all of the file once and checks every sum; `fd` must outlive it.
  //
  // INVALID_ARGUMENT (DATASET_MALFORMED), naming the record: a sum is wrong, it is cut off, it is
  // larger than kMaxRecordBytes, or there are too many.
  static absl::StatusOr<TfRecordFile> Open(int fd, VisitRecord visit);

  int64_t num_records() const { return static_cast<int64_t>(records_.size()); }
  absl::StatusOr<std::vector<uint8_t>> Read(int64_t index) const;

 private:
  struct Place {
    int64_t offset;
    int64_t bytes;
  };
  explicit TfRecordFile(int fd) : fd_(fd) {}

  int fd_;
  std::vector<Place> records_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_TFRECORD_FILE_H_
