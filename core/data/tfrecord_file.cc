#include "core/data/tfrecord_file.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "core/base/crc32c.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/data/dataset_error.h"

namespace octavo {
namespace {

constexpr size_t kMaxRecords = 1 << 23;
constexpr size_t kLengthBytes = 8;
constexpr int64_t kSumBytes = 4;

uint64_t LittleEndian(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

// A sum over data that holds sums itself would be weak, so the format turns it and adds a constant.
uint32_t MaskedSum(std::span<const uint8_t> bytes) {
  const uint32_t sum = Crc32c(TextOf(bytes));
  return ((sum >> 15) | (sum << 17)) + 0xa282ead8u;
}

// Of the record whose header is at `offset`.
absl::StatusOr<int64_t> ReadLength(int fd, int64_t offset, int64_t file_bytes) {
  std::array<uint8_t, kRecordHeaderBytes> header;
  const int64_t left = file_bytes - offset - static_cast<int64_t>(header.size());
  if (left < kSumBytes) return MalformedDataset("it is cut off");
  RETURN_IF_ERROR(ReadAt(fd, offset, header));
  if (!BeginsRecord(header)) return MalformedDataset("its length is damaged");
  const uint64_t length = LittleEndian(std::span(header).first(kLengthBytes));
  if (length > static_cast<uint64_t>(kMaxRecordBytes)) {
    return MalformedDataset(absl::StrCat("it is ", length, " bytes, more than the ",
                                         kMaxRecordBytes, " of one record that are read"));
  }
  if (static_cast<int64_t>(length) > left - kSumBytes) return MalformedDataset("it is cut off");
  return static_cast<int64_t>(length);
}

}  // namespace

bool BeginsRecord(std::span<const uint8_t> start) {
  return start.size() >= kRecordHeaderBytes &&
         MaskedSum(start.first(kLengthBytes)) == LittleEndian(start.subspan(kLengthBytes, 4));
}

absl::StatusOr<TfRecordFile> TfRecordFile::Open(int fd, VisitRecord visit) {
  TfRecordFile file(fd);
  ASSIGN_OR_RETURN(const int64_t file_bytes, FileSize(fd));
  std::vector<uint8_t> record;
  for (int64_t offset = 0; offset < file_bytes;) {
    const size_t index = file.records_.size();
    if (index == kMaxRecords) {
      return MalformedDataset(absl::StrCat("it has more than ", kMaxRecords, " records"));
    }
    ASSIGN_OR_RETURN(const int64_t bytes, ReadLength(fd, offset, file_bytes), "record ", index);
    offset += static_cast<int64_t>(kRecordHeaderBytes);
    record.resize(static_cast<size_t>(bytes + kSumBytes));
    RETURN_IF_ERROR(ReadAt(fd, offset, record), "record ", index);
    const std::span<const uint8_t> content = std::span(record).first(static_cast<size_t>(bytes));
    if (MaskedSum(content) != LittleEndian(std::span(record).last(kSumBytes))) {
      return MalformedDataset(absl::StrCat("record ", index, ": its bytes are damaged"));
    }
    RETURN_IF_ERROR(visit(content), "record ", index);
    file.records_.push_back({offset, bytes});
    offset += bytes + kSumBytes;
  }
  return file;
}

absl::StatusOr<std::vector<uint8_t>> TfRecordFile::Read(int64_t index) const {
  const Place& place = records_[static_cast<size_t>(index)];
  std::vector<uint8_t> record(static_cast<size_t>(place.bytes));
  RETURN_IF_ERROR(ReadAt(fd_, place.offset, record), "record ", index);
  return record;
}

}  // namespace octavo
