#include "core/data/npz_dataset.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/data/array_reader.h"
#include "core/data/dataset_error.h"
#include "core/data/npz_file.h"

namespace octavo {
namespace {

v1::DatasetInfo Describe(const NpzFile& file) {
  v1::DatasetInfo info;
  info.set_format("npz");
  for (const NpzArray& array : file.arrays()) {
    v1::ArrayInfo& described = *info.add_arrays();
    described.set_name(array.name);
    described.set_type(array.header.type_name);
    described.mutable_shape()->Add(array.header.shape.begin(), array.header.shape.end());
  }
  return info;
}

absl::Status TooLarge(absl::string_view name, int64_t bytes, int64_t max_bytes) {
  return DatasetTooLarge(absl::StrCat("array '", name, "' takes ", bytes,
                                      " bytes when unpacked, which makes more than the ", max_bytes,
                                      " that are allowed; numpy.savez stores arrays unpacked"));
}

// An array that lies in the file as it is.
class StoredArray : public ArrayReader {
 public:
  StoredArray(const NpzArray& array, int fd)
      : ArrayReader(array.name, *array.header.type),
        example_shape_(array.header.shape.begin() + 1, array.header.shape.end()),
        example_bytes_(array.header.data_bytes / array.header.shape[0]),
        fd_(fd),
        file_offset_(array.file_offset) {}

  absl::StatusOr<RawExample> Read(int64_t index, std::vector<uint8_t>& buffer) const override {
    buffer.resize(static_cast<size_t>(example_bytes_));
    RETURN_IF_ERROR(ReadAt(fd_, file_offset_ + index * example_bytes_, buffer), "array '", name(),
                    "'");
    return RawExample{example_shape_, buffer};
  }

 private:
  Dims example_shape_;
  int64_t example_bytes_;
  int fd_;
  int64_t file_offset_;
};

// Keeps count of what its arrays take in memory.
class NpzArrays : public ArrayFile {
 public:
  NpzArrays(int fd, NpzFile file, int64_t max_bytes)
      : fd_(fd), file_(std::move(file)), info_(Describe(file_)), max_bytes_(max_bytes) {}

  const v1::DatasetInfo& info() const override { return info_; }
  int64_t held_bytes() const override { return held_bytes_; }

  absl::StatusOr<std::unique_ptr<ArrayReader>> OpenArray(const v1::ArrayInfo& info,
                                                         const Dims& example_shape,
                                                         int64_t examples) override {
    const NpzArray& array = *file_.Find(info.name());
    if (array.file_offset >= 0) return std::make_unique<StoredArray>(array, fd_);
    const int64_t bytes = array.header.data_bytes / array.header.shape[0] * examples;
    if (bytes > max_bytes_ - held_bytes_) return TooLarge(array.name, bytes, max_bytes_);
    held_bytes_ += bytes;
    ASSIGN_OR_RETURN(std::vector<uint8_t> unpacked, file_.Unpack(array, bytes));
    return std::make_unique<MemoryArray>(array.name, *array.header.type, example_shape,
                                         std::move(unpacked));
  }

 private:
  int fd_;
  NpzFile file_;
  v1::DatasetInfo info_;
  int64_t max_bytes_;
  int64_t held_bytes_ = 0;
};

}  // namespace

absl::StatusOr<v1::DatasetInfo> InspectNpz(int fd, int64_t max_bytes) {
  ASSIGN_OR_RETURN(const NpzFile file, NpzFile::Open(fd));
  int64_t unpacked_bytes = 0;
  for (const NpzArray& array : file.arrays()) {
    if (array.file_offset >= 0) continue;
    if (array.header.data_bytes > max_bytes - unpacked_bytes) {
      return TooLarge(array.name, array.header.data_bytes, max_bytes);
    }
    unpacked_bytes += array.header.data_bytes;
  }
  v1::DatasetInfo info = Describe(file);
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd));
  info.set_size_bytes(size_bytes);
  return info;
}

absl::StatusOr<std::unique_ptr<ArrayFile>> OpenNpzArrays(int fd, int64_t max_bytes) {
  ASSIGN_OR_RETURN(NpzFile file, NpzFile::Open(fd));
  return std::make_unique<NpzArrays>(fd, std::move(file), max_bytes);
}

absl::StatusOr<BoundDataset> OpenNpz(int fd, std::span<const InputSpec> inputs,
                                     const v1::DatasetUse& use,
                                     std::span<const v1::Preprocess* const> preprocess,
                                     int64_t max_bytes) {
  ASSIGN_OR_RETURN(auto file, OpenNpzArrays(fd, max_bytes));
  return BindDataset(std::move(file), inputs, use, preprocess);
}

}  // namespace octavo
