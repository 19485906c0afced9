#include "core/data/npz_dataset.h"

#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/file.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/data/array_binding.h"
#include "core/data/npz_file.h"
#include "core/data/preprocess.h"

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
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat(
          "array '", name, "' takes ", bytes, " bytes when unpacked, which makes more than the ",
          max_bytes, " that are allowed; numpy.savez stores arrays unpacked")),
      "DATASET_TOO_LARGE");
}

// One array, readable by example: in memory or in the file.
struct ArrayReader {
  std::string name;
  const ElementType* type = nullptr;
  Dims example_shape;
  int64_t example_bytes = 0;
  std::vector<uint8_t> unpacked;
  int fd = -1;
  int64_t file_offset = -1;  // -1: it is unpacked

  // The raw bytes of an example; `buffer` holds them where they come from the file.
  absl::StatusOr<std::span<const uint8_t>> Read(int64_t index, std::vector<uint8_t>& buffer) const {
    if (file_offset < 0) {
      return std::span(unpacked).subspan(static_cast<size_t>(index * example_bytes),
                                         static_cast<size_t>(example_bytes));
    }
    buffer.resize(static_cast<size_t>(example_bytes));
    RETURN_IF_ERROR(ReadAt(fd, file_offset + index * example_bytes, buffer), "array '", name, "'");
    return std::span<const uint8_t>(buffer);
  }
};

absl::StatusOr<std::vector<float>> FloatsOf(const ArrayReader& array,
                                            std::span<const uint8_t> raw) {
  std::vector<float> values(raw.size() / static_cast<size_t>(array.type->size_bytes));
  array.type->to_float(raw, values.data());
  return values;
}

absl::StatusOr<std::vector<int64_t>> IntegersOf(const ArrayReader& array,
                                                std::span<const uint8_t> raw) {
  std::vector<int64_t> values(raw.size() / static_cast<size_t>(array.type->size_bytes));
  const int64_t count = array.type->to_int64(raw, values.data());
  if (count != static_cast<int64_t>(values.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("array '", array.name, "': value ", count, " is no integer of 64 bits"));
  }
  return values;
}

// What an input's type holds, and how its values are written.
struct IntegerInput {
  schema::TensorType type;
  int64_t lowest;
  int64_t highest;
  void (*write)(std::span<const int64_t> values, uint8_t* into);
};

template <typename T>
void WriteAs(std::span<const int64_t> values, uint8_t* into) {
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = static_cast<T>(values[i]);
    std::memcpy(into + i * sizeof(T), &value, sizeof(T));
  }
}

template <typename T>
constexpr IntegerInput RowOf(schema::TensorType type) {
  return {type, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max(), &WriteAs<T>};
}

constexpr IntegerInput kIntegerInputs[] = {
    RowOf<int8_t>(schema::TensorType_INT8),   RowOf<uint8_t>(schema::TensorType_UINT8),
    RowOf<int16_t>(schema::TensorType_INT16), RowOf<uint16_t>(schema::TensorType_UINT16),
    RowOf<int32_t>(schema::TensorType_INT32), RowOf<uint32_t>(schema::TensorType_UINT32),
    RowOf<int64_t>(schema::TensorType_INT64), {schema::TensorType_BOOL, 0, 1, &WriteAs<uint8_t>},
};

const IntegerInput* FindIntegerInput(schema::TensorType type) {
  for (const IntegerInput& row : kIntegerInputs) {
    if (row.type == type) return &row;
  }
  return nullptr;
}

struct InputReader {
  BoundInput bound;
  std::vector<ArrayReader> arrays;
  const IntegerInput* integer = nullptr;  // null: the input is float
};

template <typename T>
using Convert = absl::StatusOr<std::vector<T>> (*)(const ArrayReader&, std::span<const uint8_t>);

template <typename T>
absl::StatusOr<std::vector<T>> ReadInput(const InputReader& input, int64_t index,
                                         Convert<T> convert) {
  std::vector<std::vector<T>> arrays;
  std::vector<uint8_t> buffer;
  for (const ArrayReader& array : input.arrays) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> raw, array.Read(index, buffer));
    ASSIGN_OR_RETURN(std::vector<T> values, convert(array, raw));
    arrays.push_back(std::move(values));
  }
  return ApplyPreprocess(input.bound.plan, std::move(arrays));
}

absl::StatusOr<TensorValue> ReadFloats(const InputReader& input, int64_t index) {
  ASSIGN_OR_RETURN(const std::vector<float> values, ReadInput<float>(input, index, &FloatsOf));
  TensorValue tensor{input.bound.input.type, input.bound.input.shape, {}};
  tensor.bytes.resize(values.size() * sizeof(float));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

absl::StatusOr<TensorValue> ReadIntegers(const InputReader& input, int64_t index) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                   ReadInput<int64_t>(input, index, &IntegersOf));
  for (const int64_t value : values) {
    if (value < input.integer->lowest || value > input.integer->highest) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input.bound.input.name,
                                                     "': ", value, " does not fit in ",
                                                     TypeName(input.integer->type)));
    }
  }
  TensorValue tensor{input.bound.input.type, input.bound.input.shape, {}};
  tensor.bytes.resize(values.size() * static_cast<size_t>(ElementBits(tensor.type) / 8));
  input.integer->write(values, tensor.bytes.data());
  return tensor;
}

class NpzDataset : public Dataset {
 public:
  NpzDataset(std::vector<InputReader> inputs, std::vector<int64_t> labels, int64_t size)
      : inputs_(std::move(inputs)), labels_(std::move(labels)), size_(size) {}

  int64_t size() const override { return size_; }
  const std::vector<int64_t>& labels() const override { return labels_; }

  absl::StatusOr<Example> Get(int64_t index) const override {
    Example example;
    for (const InputReader& input : inputs_) {
      ASSIGN_OR_RETURN(TensorValue value, input.integer == nullptr ? ReadFloats(input, index)
                                                                   : ReadIntegers(input, index));
      example.push_back(std::move(value));
    }
    return example;
  }

  absl::StatusOr<std::string> ExampleDigest(int64_t index) const override {
    Sha256 digest;
    std::vector<uint8_t> buffer;
    for (const InputReader& input : inputs_) {
      for (const ArrayReader& array : input.arrays) {
        // Without type and shape two different examples could have the same bytes.
        digest.Update(absl::StrCat(array.type->name, DimsText(array.example_shape)));
        ASSIGN_OR_RETURN(const std::span<const uint8_t> raw, array.Read(index, buffer));
        digest.Update(raw);
      }
    }
    return digest.HexDigest();
  }

 private:
  std::vector<InputReader> inputs_;
  std::vector<int64_t> labels_;
  int64_t size_;
};

class NpzTargets : public Targets {
 public:
  explicit NpzTargets(ArrayReader array) : array_(std::move(array)) {}

  const std::vector<int64_t>& shape() const override { return array_.example_shape; }
  bool is_float() const override { return array_.type->is_float; }
  absl::StatusOr<std::vector<float>> Get(int64_t index) const override {
    std::vector<uint8_t> buffer;
    ASSIGN_OR_RETURN(const std::span<const uint8_t> raw, array_.Read(index, buffer));
    return FloatsOf(array_, raw);
  }

 private:
  const ArrayReader array_;
};

// Opens arrays, and keeps count of what they take in memory.
class ArrayOpener {
 public:
  ArrayOpener(int fd, NpzFile& file, int64_t max_bytes)
      : fd_(fd), file_(file), max_bytes_(max_bytes) {}

  absl::StatusOr<ArrayReader> Open(absl::string_view name, int64_t examples) {
    const NpzArray& array = *file_.Find(name);
    ArrayReader reader;
    reader.name = array.name;
    reader.type = array.header.type;
    reader.example_shape = {array.header.shape.begin() + 1, array.header.shape.end()};
    reader.example_bytes = array.header.data_bytes / array.header.shape[0];
    reader.fd = fd_;
    reader.file_offset = array.file_offset;
    if (array.file_offset >= 0) return reader;
    const int64_t bytes = reader.example_bytes * examples;
    if (bytes > max_bytes_ - unpacked_bytes_) return TooLarge(name, bytes, max_bytes_);
    unpacked_bytes_ += bytes;
    ASSIGN_OR_RETURN(reader.unpacked, file_.Unpack(array, bytes));
    return reader;
  }
  int64_t unpacked_bytes() const { return unpacked_bytes_; }

 private:
  int fd_;
  NpzFile& file_;
  int64_t max_bytes_;
  int64_t unpacked_bytes_ = 0;
};

absl::Status LabelError(const ArrayReader& array, int64_t example, absl::string_view found) {
  const std::string problem = absl::StrCat("array '", array.name, "', example ", example, ": ",
                                           found, " is no class, which is an integer from 0");
  return FieldError("labels", problem);
}

absl::StatusOr<std::vector<int64_t>> ReadLabels(const ArrayReader& array, int64_t examples) {
  std::vector<int64_t> labels(static_cast<size_t>(examples));
  std::vector<uint8_t> buffer;
  for (int64_t example = 0; example < examples; ++example) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> raw, array.Read(example, buffer));
    if (array.type->to_int64(raw, &labels[example]) != 1) {
      float value = 0;
      array.type->to_float(raw, &value);
      return LabelError(array, example, absl::StrCat(value));
    }
    if (labels[example] < 0) return LabelError(array, example, absl::StrCat(labels[example]));
  }
  return labels;
}

// The first example of each of the sequences of these lengths.
absl::StatusOr<std::vector<int64_t>> StartsOfLengths(const ArrayReader& array,
                                                     const std::vector<int64_t>& lengths,
                                                     int64_t all_examples) {
  std::vector<int64_t> starts;
  int64_t next = 0;
  for (const int64_t length : lengths) {
    if (length < 1 || length > all_examples - next) {
      return FieldError("sequences", absl::StrCat("array '", array.name, "': the length ", length,
                                                  " is not between 1 and the ", all_examples - next,
                                                  " examples that are left"));
    }
    starts.push_back(next);
    next += length;
  }
  if (next == all_examples) return starts;
  return FieldError("sequences", absl::StrCat("array '", array.name, "': the lengths add up to ",
                                              next, " of ", all_examples, " examples"));
}

std::vector<int64_t> StartsOfEntries(const std::vector<int64_t>& entries) {
  std::vector<int64_t> starts;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i == 0 || entries[i] != entries[i - 1]) starts.push_back(static_cast<int64_t>(i));
  }
  return starts;
}

absl::StatusOr<std::vector<int64_t>> ReadSequences(const ArrayReader& array, int64_t entries,
                                                   const Binding& binding) {
  std::vector<int64_t> values(static_cast<size_t>(entries));
  std::vector<uint8_t> buffer;
  for (int64_t i = 0; i < entries; ++i) {
    ASSIGN_OR_RETURN(const std::span<const uint8_t> raw, array.Read(i, buffer));
    if (array.type->to_int64(raw, &values[i]) == 1) continue;
    return FieldError("sequences",
                      absl::StrCat("array '", array.name, "': entry ", i, " is too large"));
  }
  std::vector<int64_t> starts = StartsOfEntries(values);
  if (entries != binding.all_examples) {
    ASSIGN_OR_RETURN(starts, StartsOfLengths(array, values, binding.all_examples));
  }
  std::erase_if(starts, [&](int64_t start) { return start >= binding.examples; });
  return starts;
}

v1::DatasetUsed Used(const Binding& binding) {
  v1::DatasetUsed used;
  for (const BoundInput& bound : binding.inputs) {
    v1::ArrayBinding& settled = *used.add_bindings();
    settled.set_input(bound.input.name);
    settled.mutable_arrays()->Add(bound.arrays.begin(), bound.arrays.end());
  }
  used.set_labels(binding.labels);
  for (const std::string& array : binding.targets) used.add_targets()->set_array(array);
  used.set_sequences(binding.sequences);
  used.set_examples(binding.examples);
  return used;
}

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

absl::StatusOr<v1::DatasetUsed> BindArrays(const v1::DatasetInfo& info,
                                           std::span<const InputSpec> inputs,
                                           const v1::DatasetUse& use,
                                           std::span<const v1::Preprocess* const> preprocess) {
  ASSIGN_OR_RETURN(const Binding binding, SettleBinding(info, inputs, use, preprocess));
  return Used(binding);
}

absl::StatusOr<BoundDataset> OpenNpz(int fd, std::span<const InputSpec> inputs,
                                     const v1::DatasetUse& use,
                                     std::span<const v1::Preprocess* const> preprocess,
                                     int64_t max_bytes) {
  ASSIGN_OR_RETURN(NpzFile file, NpzFile::Open(fd));
  ASSIGN_OR_RETURN(Binding binding, SettleBinding(Describe(file), inputs, use, preprocess));
  const v1::DatasetUsed used = Used(binding);
  ArrayOpener opener(fd, file, max_bytes);

  std::vector<int64_t> labels;
  if (!binding.labels.empty()) {
    ASSIGN_OR_RETURN(const ArrayReader array, opener.Open(binding.labels, binding.examples));
    ASSIGN_OR_RETURN(labels, ReadLabels(array, binding.examples));
  }
  std::vector<std::unique_ptr<Targets>> targets;
  for (const std::string& name : binding.targets) {
    ASSIGN_OR_RETURN(ArrayReader array, opener.Open(name, binding.examples));
    targets.push_back(std::make_unique<NpzTargets>(std::move(array)));
  }
  std::vector<int64_t> sequence_starts;
  if (!binding.sequences.empty()) {
    const int64_t entries = file.Find(binding.sequences)->header.shape[0];
    ASSIGN_OR_RETURN(const ArrayReader array, opener.Open(binding.sequences, entries));
    ASSIGN_OR_RETURN(sequence_starts, ReadSequences(array, entries, binding));
  }
  std::vector<InputReader> readers;
  for (BoundInput& bound : binding.inputs) {
    InputReader reader;
    reader.integer = FindIntegerInput(bound.input.type);
    for (const std::string& name : bound.arrays) {
      ASSIGN_OR_RETURN(ArrayReader array, opener.Open(name, binding.examples));
      reader.arrays.push_back(std::move(array));
    }
    reader.bound = std::move(bound);
    readers.push_back(std::move(reader));
  }
  return BoundDataset{
      std::make_unique<NpzDataset>(std::move(readers), std::move(labels), binding.examples),
      std::move(targets), std::move(sequence_starts), used, opener.unpacked_bytes()};
}

}  // namespace octavo
