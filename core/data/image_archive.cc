#include "core/data/image_archive.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/base/text_of.h"
#include "core/data/dataset_error.h"
#include "core/data/image_array.h"
#include "core/data/image_header.h"
#include "core/data/image_layout.h"

namespace octavo {
namespace {

// Enough for the header of most images.
constexpr int64_t kUsualHeaderBytes = 4 << 10;
// Of names that go into a data set's description.
constexpr size_t kMaxClassNameBytes = 1 << 20;

// Beginnings of images that are not read; to pass over one would lose an example.
struct OtherImage {
  size_t place;
  absl::string_view bytes;
};
constexpr OtherImage kOtherImages[] = {{0, "GIF8"},
                                       {8, "WEBP"},
                                       {0, absl::string_view("II*\0", 4)},
                                       {0, absl::string_view("MM\0*", 4)},
                                       {4, "ftyp"}};
constexpr absl::string_view kImageEndings[] = {".jpg", ".jpeg", ".png", ".bmp",
                                               ".gif", ".webp", ".tif", ".tiff"};

bool IsMeantAsImage(absl::string_view path, absl::string_view start) {
  for (const OtherImage& other : kOtherImages) {
    if (start.size() > other.place && absl::StartsWith(start.substr(other.place), other.bytes)) {
      return true;
    }
  }
  const std::string lower = absl::AsciiStrToLower(path);
  for (const absl::string_view ending : kImageEndings) {
    if (absl::EndsWith(lower, ending)) return true;
  }
  return false;
}

// The header of the image that `start` begins; more is read where it goes on.
absl::StatusOr<ImageHeader> HeaderOf(const std::vector<uint8_t>& start, ReadStart read_start) {
  auto header = ReadImageHeader(start);
  if (absl::IsOutOfRange(header.status())) {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> more, read_start(kMaxImageHeaderBytes));
    header = ReadImageHeader(more);
    if (absl::IsOutOfRange(header.status()) && more.size() == kMaxImageHeaderBytes) {
      return MalformedDataset(
          absl::StrCat("its size does not stand in its first ", kMaxImageHeaderBytes, " bytes"));
    }
  }
  if (!header.ok()) return MalformedDataset(header.status().message());
  return header;
}

absl::string_view FormatName(ArchiveFormat format) {
  switch (format) {
    case ArchiveFormat::kZip:
      return "zip";
    case ArchiveFormat::kTar:
      return "tar";
    case ArchiveFormat::kTarGz:
      break;
  }
  return "tar.gz";
}

class ArchivedImages : public EncodedImages {
 public:
  ArchivedImages(const Archive& archive, const std::vector<int64_t>& places)
      : archive_(archive), places_(places) {}

  absl::StatusOr<std::vector<uint8_t>> Read(int64_t index) const override {
    return archive_.Read(FileOf(index));
  }
  std::string NameOf(int64_t index) const override {
    return absl::StrCat("'", FileOf(index).path, "'");
  }

 private:
  const ArchivedFile& FileOf(int64_t index) const {
    return archive_.files()[static_cast<size_t>(places_[static_cast<size_t>(index)])];
  }

  const Archive& archive_;
  const std::vector<int64_t>& places_;
};

std::vector<std::string> PathsOf(const Archive& archive) {
  std::vector<std::string> paths;
  for (const ArchivedFile& file : archive.files()) paths.push_back(file.path);
  return paths;
}

void DescribeImages(const std::string& name, v1::ArrayKind kind, const std::vector<int64_t>& places,
                    const std::vector<ImageHeader>& headers, v1::DatasetInfo& info) {
  ImageSummary summary;
  for (const int64_t place : places) summary.Add(headers[static_cast<size_t>(place)]);
  v1::ArrayInfo& array = *info.add_arrays();
  array.set_name(name);
  summary.Describe(kind, array);
}

void DescribeClasses(const ImageLayout& layout, v1::DatasetInfo& info) {
  v1::ArrayInfo& labels = *info.add_arrays();
  labels.set_name("labels");
  labels.set_type("int64");
  labels.add_shape(static_cast<int64_t>(layout.labels.size()));
  size_t bytes = 0;
  for (const std::string& name : layout.class_names) bytes += name.size();
  if (bytes > kMaxClassNameBytes) return;
  info.mutable_class_names()->Add(layout.class_names.begin(), layout.class_names.end());
}

v1::DatasetInfo Describe(ArchiveFormat format, const ImageLayout& layout,
                         const std::vector<ImageHeader>& headers) {
  v1::DatasetInfo info;
  info.set_format(std::string(FormatName(format)));
  DescribeImages("images", v1::ARRAY_KIND_IMAGE, layout.images, headers, info);
  if (!layout.masks.empty()) {
    DescribeImages("masks", v1::ARRAY_KIND_MASK, layout.masks, headers, info);
  }
  if (!layout.labels.empty()) DescribeClasses(layout, info);
  return info;
}

class ImageArchive : public ArrayFile {
 public:
  ImageArchive(Archive archive, ImageLayout layout, v1::DatasetInfo info)
      : archive_(std::move(archive)), layout_(std::move(layout)), info_(std::move(info)) {}

  const v1::DatasetInfo& info() const override { return info_; }
  int64_t held_bytes() const override { return archive_.held_bytes(); }

  absl::StatusOr<std::unique_ptr<ArrayReader>> OpenArray(const v1::ArrayInfo& array,
                                                         const Dims& example_shape,
                                                         int64_t) override {
    if (array.kind() == v1::ARRAY_KIND_UNSPECIFIED) return Labels(array);
    const bool is_mask = array.kind() == v1::ARRAY_KIND_MASK;
    return NewImageArray(
        array, example_shape,
        std::make_unique<ArchivedImages>(archive_, is_mask ? layout_.masks : layout_.images));
  }

 private:
  std::unique_ptr<ArrayReader> Labels(const v1::ArrayInfo& array) const {
    std::vector<uint8_t> bytes(layout_.labels.size() * sizeof(int64_t));
    std::memcpy(bytes.data(), layout_.labels.data(), bytes.size());
    return std::make_unique<MemoryArray>(array.name(), *FindElementTypeByName("int64"), Dims(),
                                         std::move(bytes));
  }

  Archive archive_;
  ImageLayout layout_;
  v1::DatasetInfo info_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ArrayFile>> OpenImageArchive(int fd, ArchiveFormat format,
                                                            const ArchiveOptions& options) {
  std::vector<ImageHeader> headers;  // one a file that is kept
  const auto visit = [&](const ArchivedFile& file, ReadStart read_start) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> start, read_start(kUsualHeaderBytes));
    if (FormatOfImage(TextOf(start)) == ImageFormat::kNone) {
      if (!IsMeantAsImage(file.path, TextOf(start))) return false;
      return MalformedDataset("it is neither a JPEG nor a PNG");
    }
    ASSIGN_OR_RETURN(const ImageHeader header, HeaderOf(start, read_start));
    headers.push_back(header);
    return true;
  };
  ASSIGN_OR_RETURN(Archive archive, Archive::Open(fd, format, options, visit));
  ASSIGN_OR_RETURN(ImageLayout layout, LayOutImages(PathsOf(archive)));
  v1::DatasetInfo info = Describe(format, layout, headers);
  ASSIGN_OR_RETURN(const int64_t size_bytes, FileSize(fd));
  info.set_size_bytes(size_bytes);
  return std::make_unique<ImageArchive>(std::move(archive), std::move(layout), std::move(info));
}

}  // namespace octavo
