#include "core/data/tfrecord_dataset.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/data/dataset_error.h"
#include "core/data/image_array.h"
#include "core/data/tf_example.h"
#include "core/data/tfrecord_file.h"

namespace octavo {
namespace {

bool IsImage(const Feature& feature) {
  return feature.bytes.size() == 1 && FormatOfImage(TextOf(feature.bytes[0])) != ImageFormat::kNone;
}

// What all records say of one feature.
class FeatureSummary {
 public:
  absl::Status Add(int64_t record, const Feature& feature) {
    if (kind_ == FeatureKind::kNone) kind_ = feature.kind;
    if (feature.kind != kind_ && feature.kind != FeatureKind::kNone) {
      return MalformedDataset("it is of another kind than in the records before");
    }
    const auto count = static_cast<int64_t>(feature.size());
    length_ = num_records_ == 0 ? count : count == length_ ? length_ : -1;
    AddBytes(feature);
    if (record == 0) is_image_ = IsImage(feature);
    if (is_image_) RETURN_IF_ERROR(AddImage(feature));
    ++num_records_;
    return absl::OkStatus();
  }

  absl::Status Check(int64_t num_records, absl::string_view name) const {
    if (!is_image_ || num_records_ == num_records) return absl::OkStatus();
    return MalformedDataset(absl::StrCat("feature '", name, "': only ", num_records_, " of ",
                                         num_records, " records have an image"));
  }

  // Only some records may have it.
  void Describe(int64_t num_records, v1::ArrayInfo& array) const {
    if (is_image_) return images_.Describe(v1::ARRAY_KIND_IMAGE, array);
    const int64_t length = num_records_ == num_records ? length_ : -1;
    const bool is_number_list = kind_ == FeatureKind::kFloats || kind_ == FeatureKind::kIntegers;
    const bool is_raw = kind_ == FeatureKind::kBytes && length == 1 && bytes_ > 0;
    array.add_shape(num_records);
    if (is_raw) {
      array.set_type("uint8");
      array.add_shape(bytes_);
    } else {
      array.set_type(kind_ == FeatureKind::kFloats ? "float32"
                     : is_number_list              ? "int64"
                                                   : "bytes");
      if (length != 1) array.add_shape(length);
    }
    const bool is_list = array.shape_size() > 1 && (is_raw || is_number_list);
    if (is_list) array.set_kind(v1::ARRAY_KIND_LIST);
  }

 private:
  void AddBytes(const Feature& feature) {
    for (const std::span<const uint8_t> value : feature.bytes) {
      const auto bytes = static_cast<int64_t>(value.size());
      bytes_ = num_records_ == 0 ? bytes : bytes == bytes_ ? bytes_ : -1;
    }
  }

  absl::Status AddImage(const Feature& feature) {
    if (feature.bytes.size() != 1) return MalformedDataset("it is no single image");
    const auto header = ReadImageHeader(feature.bytes[0]);
    if (!header.ok()) return MalformedDataset(header.status().message());
    images_.Add(*header);
    return absl::OkStatus();
  }

  FeatureKind kind_ = FeatureKind::kNone;
  int64_t num_records_ = 0;
  int64_t length_ = 0;  // -1: not the same everywhere
  int64_t bytes_ = 0;   // of a value; -1: not the same everywhere
  bool is_image_ = false;
  ImageSummary images_;
};

using FeatureSummaries = std::map<std::string, FeatureSummary, std::less<>>;

absl::Status AddRecord(int64_t record, std::span<const uint8_t> bytes,
                       FeatureSummaries& summaries) {
  ASSIGN_OR_RETURN(const FeatureMap features, ParseExample(bytes));
  for (const auto& [name, wire] : features) {
    ASSIGN_OR_RETURN(const Feature feature, ParseFeature(wire), "feature '", name, "'");
    auto summary = summaries.find(name);
    if (summary == summaries.end()) summary = summaries.emplace(name, FeatureSummary()).first;
    RETURN_IF_ERROR(summary->second.Add(record, feature), "feature '", name, "'");
  }
  if (summaries.size() <= kMaxFeatures) return absl::OkStatus();
  return MalformedDataset(absl::StrCat("there are more than ", kMaxFeatures, " features"));
}

// A record's feature. Its bytes lie in `record`.
absl::StatusOr<Feature> ReadFeature(const TfRecordFile& file, const std::string& name,
                                    int64_t index, std::vector<uint8_t>& record) {
  ASSIGN_OR_RETURN(record, file.Read(index));
  ASSIGN_OR_RETURN(const FeatureMap features, ParseExample(record), "record ", index);
  const auto feature = features.find(name);
  if (feature == features.end()) {
    return MalformedDataset(absl::StrCat("record ", index, " has no feature '", name, "'"));
  }
  return ParseFeature(feature->second);
}

class RecordImages : public EncodedImages {
 public:
  RecordImages(const TfRecordFile& file, std::string name) : file_(file), name_(std::move(name)) {}

  absl::StatusOr<std::vector<uint8_t>> Read(int64_t index) const override {
    std::vector<uint8_t> record;
    ASSIGN_OR_RETURN(const Feature feature, ReadFeature(file_, name_, index, record));
    if (feature.bytes.size() != 1) {
      return MalformedDataset(absl::StrCat(NameOf(index), ": it is no single image"));
    }
    return std::vector<uint8_t>(feature.bytes[0].begin(), feature.bytes[0].end());
  }
  std::string NameOf(int64_t index) const override {
    return absl::StrCat("record ", index, ": feature '", name_, "'");
  }

 private:
  const TfRecordFile& file_;
  std::string name_;
};

// Of whatever kind, as the bytes of its elements.
std::vector<uint8_t> Elements(const Feature& feature) {
  std::vector<uint8_t> bytes;
  const auto append = [&](const void* data, size_t size) {
    const size_t begin = bytes.size();
    bytes.resize(begin + size);
    if (size > 0) std::memcpy(bytes.data() + begin, data, size);
  };
  append(feature.floats.data(), feature.floats.size() * sizeof(float));
  append(feature.integers.data(), feature.integers.size() * sizeof(int64_t));
  for (const std::span<const uint8_t> value : feature.bytes) append(value.data(), value.size());
  return bytes;
}

class RecordArray : public ArrayReader {
 public:
  RecordArray(const TfRecordFile& file, const v1::ArrayInfo& array, Dims example_shape)
      : ArrayReader(array.name(), *FindElementTypeByName(array.type())),
        file_(file),
        example_shape_(std::move(example_shape)),
        example_bytes_(static_cast<size_t>(type().size_bytes)) {
    for (const int64_t size : example_shape_) example_bytes_ *= static_cast<size_t>(size);
  }

  absl::StatusOr<RawExample> Read(int64_t index, std::vector<uint8_t>& buffer) const override {
    std::vector<uint8_t> record;
    ASSIGN_OR_RETURN(const Feature feature, ReadFeature(file_, name(), index, record));
    buffer = Elements(feature);
    if (buffer.size() != example_bytes_) {
      return MalformedDataset(
          absl::StrCat("record ", index, ": feature '", name(), "' is of another length"));
    }
    return RawExample{example_shape_, buffer};
  }

 private:
  const TfRecordFile& file_;
  Dims example_shape_;
  size_t example_bytes_;
};

class TfRecordArrays : public ArrayFile {
 public:
  TfRecordArrays(TfRecordFile file, v1::DatasetInfo info)
      : file_(std::move(file)), info_(std::move(info)) {}

  const v1::DatasetInfo& info() const override { return info_; }
  int64_t held_bytes() const override { return 0; }

  absl::StatusOr<std::unique_ptr<ArrayReader>> OpenArray(const v1::ArrayInfo& array,
                                                         const Dims& example_shape,
                                                         int64_t) override {
    if (array.kind() == v1::ARRAY_KIND_IMAGE) {
      return NewImageArray(array, example_shape,
                           std::make_unique<RecordImages>(file_, array.name()));
    }
    return std::make_unique<RecordArray>(file_, array, example_shape);
  }

 private:
  TfRecordFile file_;
  v1::DatasetInfo info_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ArrayFile>> OpenTfRecord(int fd) {
  FeatureSummaries summaries;
  int64_t record = 0;
  ASSIGN_OR_RETURN(TfRecordFile file, TfRecordFile::Open(fd, [&](std::span<const uint8_t> bytes) {
                     return AddRecord(record++, bytes, summaries);
                   }));
  if (summaries.empty()) return MalformedDataset("its records have no features");
  v1::DatasetInfo info;
  info.set_format("tfrecord");
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd));
  info.set_size_bytes(size_bytes);
  for (const auto& [name, summary] : summaries) {
    RETURN_IF_ERROR(summary.Check(record, name));
    v1::ArrayInfo& array = *info.add_arrays();
    array.set_name(name);
    summary.Describe(record, array);
  }
  return std::make_unique<TfRecordArrays>(std::move(file), std::move(info));
}

}  // namespace octavo
