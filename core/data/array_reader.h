// Arrays of a data set, whatever its format: read one example at a time.

#ifndef OCTAVO_CORE_DATA_ARRAY_READER_H_
#define OCTAVO_CORE_DATA_ARRAY_READER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/sha256.h"
#include "core/data/npy_header.h"
#include "core/data/preprocess.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// The elements of one example, row-major.
struct RawExample {
  Dims shape;
  std::span<const uint8_t> bytes;
};

// Thread-safe: Read and AddToDigest may be called by many threads.
class ArrayReader {
 public:
  virtual ~ArrayReader() = default;
  const std::string& name() const { return name_; }
  const ElementType& type() const { return type_; }

  // `index` is one of those that the array was opened for. `buffer` holds the bytes where the
  // array itself does not. Errors name the array.
  virtual absl::StatusOr<RawExample> Read(int64_t index, std::vector<uint8_t>& buffer) const = 0;

  // What tells the example from others: its type, shape and bytes, where nothing else does.
  virtual absl::Status AddToDigest(int64_t index, Sha256& digest) const;

 protected:
  ArrayReader(std::string name, const ElementType& type) : name_(std::move(name)), type_(type) {}

 private:
  std::string name_;
  const ElementType& type_;
};

// An array that lies in memory.
class MemoryArray : public ArrayReader {
 public:
  MemoryArray(std::string name, const ElementType& type, Dims example_shape,
              std::vector<uint8_t> bytes);
  absl::StatusOr<RawExample> Read(int64_t index, std::vector<uint8_t>& buffer) const override;

 private:
  Dims example_shape_;
  size_t example_bytes_;
  std::vector<uint8_t> bytes_;
};

// A file of arrays whose first axis counts examples. What it opens must not outlive it.
class ArrayFile {
 public:
  virtual ~ArrayFile() = default;
  virtual const v1::DatasetInfo& info() const = 0;

  // The first `examples` of one of info()'s arrays, which is of a type that is read. An example
  // has `example_shape`: the array's, or one that its kind admits (report.proto, ArrayKind), where
  // -1 is any. RESOURCE_EXHAUSTED (DATASET_TOO_LARGE): it would take too much memory.
  virtual absl::StatusOr<std::unique_ptr<ArrayReader>> OpenArray(const v1::ArrayInfo& array,
                                                                 const Dims& example_shape,
                                                                 int64_t examples) = 0;

  // What it and its arrays hold in memory, in proportion to the file.
  virtual int64_t held_bytes() const = 0;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_ARRAY_READER_H_
