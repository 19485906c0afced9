#include "core/data/array_dataset.h"

#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/sha256.h"
#include "core/base/status_macros.h"
#include "core/data/preprocess.h"

namespace octavo {
namespace {

absl::StatusOr<std::vector<float>> FloatsOf(const ArrayReader& array,
                                            std::span<const uint8_t> raw) {
  std::vector<float> values(raw.size() / static_cast<size_t>(array.type().size_bytes));
  array.type().to_float(raw, values.data());
  return values;
}

absl::StatusOr<std::vector<int64_t>> IntegersOf(const ArrayReader& array,
                                                std::span<const uint8_t> raw) {
  std::vector<int64_t> values(raw.size() / static_cast<size_t>(array.type().size_bytes));
  const int64_t count = array.type().to_int64(raw, values.data());
  if (count != static_cast<int64_t>(values.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("array '", array.name(), "': value ", count, " is no integer of 64 bits"));
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
  std::vector<std::unique_ptr<ArrayReader>> arrays;
  const IntegerInput* integer = nullptr;  // null: the input is float
};

template <typename T>
using Convert = absl::StatusOr<std::vector<T>> (*)(const ArrayReader&, std::span<const uint8_t>);

// The steps for an example of this shape: those of the plan may leave its size open.
ArraySteps StepsFor(ArraySteps steps, Dims shape) {
  steps.from = std::move(shape);
  return steps;
}

bool IsResizedFromBytes(const ArrayReader& array, const ArraySteps& steps) {
  return array.type().name == "uint8" && steps.resized_height != 0 &&
         steps.method == v1::RESIZE_METHOD_BILINEAR;
}

template <typename T>
absl::StatusOr<std::vector<T>> ReadInput(const InputReader& input, int64_t index,
                                         Convert<T> convert) {
  PreprocessPlan plan = input.bound.plan;
  std::vector<std::vector<T>> arrays;
  std::vector<uint8_t> buffer;
  for (size_t i = 0; i < input.arrays.size(); ++i) {
    const ArrayReader& array = *input.arrays[i];
    ASSIGN_OR_RETURN(RawExample raw, array.Read(index, buffer));
    plan.arrays[i] = StepsFor(std::move(plan.arrays[i]), std::move(raw.shape));
    if constexpr (std::is_same_v<T, float>) {
      // A photo as floats takes four times its bytes, most of which a resize throws away.
      if (IsResizedFromBytes(array, plan.arrays[i])) {
        arrays.push_back(ResizeBytes(raw.bytes, plan.arrays[i]));
        continue;
      }
    }
    ASSIGN_OR_RETURN(std::vector<T> values, convert(array, raw.bytes));
    arrays.push_back(std::move(values));
  }
  return ApplyPreprocess(plan, std::move(arrays));
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

class ArrayDataset : public Dataset {
 public:
  ArrayDataset(std::unique_ptr<ArrayFile> file, std::vector<InputReader> inputs,
               std::vector<int64_t> labels, int64_t size)
      : file_(std::move(file)),
        inputs_(std::move(inputs)),
        labels_(std::move(labels)),
        size_(size) {}

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
    for (const InputReader& input : inputs_) {
      for (const auto& array : input.arrays) RETURN_IF_ERROR(array->AddToDigest(index, digest));
    }
    return digest.HexDigest();
  }

 private:
  std::unique_ptr<ArrayFile> file_;  // what its readers read from
  std::vector<InputReader> inputs_;
  std::vector<int64_t> labels_;
  int64_t size_;
};

class ArrayTargets : public Targets {
 public:
  // `file` and `array`, one of its own, must outlive it.
  static absl::StatusOr<std::unique_ptr<Targets>> Open(ArrayFile& file, const v1::ArrayInfo& array,
                                                       int64_t examples) {
    const Dims shape = ExampleDims(array);
    ASSIGN_OR_RETURN(auto reader, file.OpenArray(array, shape, examples));
    return absl::WrapUnique(new ArrayTargets(file, array, examples, shape, std::move(reader)));
  }

  const std::vector<int64_t>& shape() const override { return shape_; }
  bool is_float() const override { return reader_->type().is_float; }

  absl::Status FitMasks(int64_t height, int64_t width) override {
    if (array_.kind() != v1::ARRAY_KIND_MASK) return absl::OkStatus();
    shape_ = {height, width};
    ASSIGN_OR_RETURN(reader_, file_.OpenArray(array_, shape_, examples_));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<float>> Get(int64_t index) const override {
    std::vector<uint8_t> buffer;
    ASSIGN_OR_RETURN(const RawExample raw, reader_->Read(index, buffer));
    return FloatsOf(*reader_, raw.bytes);
  }

 private:
  ArrayTargets(ArrayFile& file, const v1::ArrayInfo& array, int64_t examples, Dims shape,
               std::unique_ptr<ArrayReader> reader)
      : file_(file),
        array_(array),
        examples_(examples),
        shape_(std::move(shape)),
        reader_(std::move(reader)) {}

  ArrayFile& file_;
  const v1::ArrayInfo& array_;
  int64_t examples_;
  Dims shape_;
  std::unique_ptr<ArrayReader> reader_;
};

absl::Status LabelError(const ArrayReader& array, int64_t example, absl::string_view found) {
  const std::string problem = absl::StrCat("array '", array.name(), "', example ", example, ": ",
                                           found, " is no class, which is an integer from 0");
  return FieldError("labels", problem);
}

absl::StatusOr<std::vector<int64_t>> ReadLabels(const ArrayReader& array, int64_t examples) {
  std::vector<int64_t> labels(static_cast<size_t>(examples));
  std::vector<uint8_t> buffer;
  for (int64_t example = 0; example < examples; ++example) {
    ASSIGN_OR_RETURN(const RawExample raw, array.Read(example, buffer));
    if (array.type().to_int64(raw.bytes, &labels[example]) != 1) {
      float value = 0;
      array.type().to_float(raw.bytes, &value);
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
      return FieldError("sequences", absl::StrCat("array '", array.name(), "': the length ", length,
                                                  " is not between 1 and the ", all_examples - next,
                                                  " examples that are left"));
    }
    starts.push_back(next);
    next += length;
  }
  if (next == all_examples) return starts;
  return FieldError("sequences", absl::StrCat("array '", array.name(), "': the lengths add up to ",
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
    ASSIGN_OR_RETURN(const RawExample raw, array.Read(i, buffer));
    if (array.type().to_int64(raw.bytes, &values[i]) == 1) continue;
    return FieldError("sequences",
                      absl::StrCat("array '", array.name(), "': entry ", i, " is too large"));
  }
  std::vector<int64_t> starts = StartsOfEntries(values);
  if (entries != binding.all_examples) {
    ASSIGN_OR_RETURN(starts, StartsOfLengths(array, values, binding.all_examples));
  }
  std::erase_if(starts, [&](int64_t start) { return start >= binding.examples; });
  return starts;
}

absl::StatusOr<std::vector<int64_t>> OpenLabels(ArrayFile& file, const Binding& binding) {
  if (binding.labels.empty()) return std::vector<int64_t>();
  const v1::ArrayInfo& array = *FindArray(file.info(), binding.labels);
  ASSIGN_OR_RETURN(const auto reader, file.OpenArray(array, ExampleDims(array), binding.examples));
  return ReadLabels(*reader, binding.examples);
}

absl::StatusOr<std::vector<int64_t>> OpenSequences(ArrayFile& file, const Binding& binding) {
  if (binding.sequences.empty()) return std::vector<int64_t>();
  const v1::ArrayInfo& array = *FindArray(file.info(), binding.sequences);
  ASSIGN_OR_RETURN(const auto reader, file.OpenArray(array, ExampleDims(array), array.shape(0)));
  return ReadSequences(*reader, array.shape(0), binding);
}

absl::StatusOr<std::vector<std::unique_ptr<Targets>>> OpenTargets(ArrayFile& file,
                                                                  const Binding& binding) {
  std::vector<std::unique_ptr<Targets>> targets;
  for (const std::string& name : binding.targets) {
    ASSIGN_OR_RETURN(auto array,
                     ArrayTargets::Open(file, *FindArray(file.info(), name), binding.examples));
    targets.push_back(std::move(array));
  }
  return targets;
}

absl::StatusOr<InputReader> OpenInput(ArrayFile& file, BoundInput bound, int64_t examples) {
  InputReader reader;
  reader.integer = FindIntegerInput(bound.input.type);
  for (size_t i = 0; i < bound.arrays.size(); ++i) {
    ASSIGN_OR_RETURN(auto array, file.OpenArray(*FindArray(file.info(), bound.arrays[i]),
                                                bound.plan.arrays[i].from, examples));
    reader.arrays.push_back(std::move(array));
  }
  reader.bound = std::move(bound);
  return reader;
}

v1::Warning ResizedWarning(const BoundInput& bound) {
  const ArraySteps& steps = bound.plan.arrays[0];
  const bool is_bilinear = steps.method == v1::RESIZE_METHOD_BILINEAR;
  v1::Warning warning;
  warning.set_reason("IMAGES_RESIZED");
  warning.set_message(absl::StrCat(
      "The images of '", bound.arrays[0], "' were resized to ", steps.resized_height, "x",
      steps.resized_width, ", which input '", bound.input.name, "' takes, ",
      is_bilinear ? "bilinearly (half-pixel centres, no antialiasing)" : "to the nearest pixel",
      ": no resize was asked for."));
  return warning;
}

}  // namespace

absl::StatusOr<BoundDataset> BindDataset(std::unique_ptr<ArrayFile> file,
                                         std::span<const InputSpec> inputs,
                                         const v1::DatasetUse& use,
                                         std::span<const v1::Preprocess* const> preprocess) {
  ASSIGN_OR_RETURN(Binding binding, SettleBinding(file->info(), inputs, use, preprocess));
  BoundDataset bound;
  bound.used = UsedBy(binding);
  ASSIGN_OR_RETURN(std::vector<int64_t> labels, OpenLabels(*file, binding));
  ASSIGN_OR_RETURN(bound.targets, OpenTargets(*file, binding));
  ASSIGN_OR_RETURN(bound.sequence_starts, OpenSequences(*file, binding));
  std::vector<InputReader> readers;
  for (BoundInput& input : binding.inputs) {
    if (input.is_resized_to_fit) bound.warnings.push_back(ResizedWarning(input));
    ASSIGN_OR_RETURN(InputReader reader, OpenInput(*file, std::move(input), binding.examples));
    readers.push_back(std::move(reader));
  }
  bound.info = file->info();
  bound.unpacked_bytes = file->held_bytes();
  bound.dataset = std::make_unique<ArrayDataset>(std::move(file), std::move(readers),
                                                 std::move(labels), binding.examples);
  return bound;
}

}  // namespace octavo
