#include "core/data/image_array.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/data/dataset_error.h"
#include "core/data/image_decode.h"

namespace octavo {
namespace {

bool Admits(const Dims& open, const Dims& dims) {
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (open[axis] >= 0 && open[axis] != dims[axis]) return false;
  }
  return true;
}

class ImageArray : public ArrayReader {
 public:
  ImageArray(const v1::ArrayInfo& array, Dims example_shape, std::unique_ptr<EncodedImages> images)
      : ArrayReader(array.name(), *FindElementTypeByName("uint8")),
        is_mask_(array.kind() == v1::ARRAY_KIND_MASK),
        example_shape_(std::move(example_shape)),
        images_(std::move(images)) {}

  absl::StatusOr<RawExample> Read(int64_t index, std::vector<uint8_t>& buffer) const override {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> encoded, images_->Read(index));
    auto decoded = is_mask_ ? DecodeMask(encoded) : DecodeImage(encoded, example_shape_[2]);
    if (!decoded.ok()) {
      return MalformedDataset(
          absl::StrCat(images_->NameOf(index), ": ", decoded.status().message()));
    }
    Dims shape = {decoded->height, decoded->width};
    if (!is_mask_) shape.push_back(decoded->channels);
    buffer = std::move(decoded->pixels);
    if (!Admits(example_shape_, shape)) {
      if (!is_mask_) {
        return MalformedDataset(absl::StrCat(images_->NameOf(index), ": it is of another size"));
      }
      buffer = ResizeToNearest(std::move(buffer), shape, example_shape_);
      shape = example_shape_;
    }
    return RawExample{std::move(shape), buffer};
  }

  // As it is encoded, which is quicker and in any shape the same.
  absl::Status AddToDigest(int64_t index, Sha256& digest) const override {
    ASSIGN_OR_RETURN(const std::vector<uint8_t> encoded, images_->Read(index));
    digest.Update(absl::StrCat("image[", encoded.size(), "]"));
    digest.Update(encoded);
    return absl::OkStatus();
  }

 private:
  bool is_mask_;
  Dims example_shape_;
  std::unique_ptr<EncodedImages> images_;
};

}  // namespace

std::unique_ptr<ArrayReader> NewImageArray(const v1::ArrayInfo& array, const Dims& example_shape,
                                           std::unique_ptr<EncodedImages> images) {
  return std::make_unique<ImageArray>(array, example_shape, std::move(images));
}

void ImageSummary::Add(const ImageHeader& header) {
  const bool is_first = num_images_ == 0;
  const bool is_same = header.height == height_ && header.width == width_;
  height_ = is_first || is_same ? header.height : -1;
  width_ = is_first || is_same ? header.width : -1;
  any_colour_ = any_colour_ || header.is_colour;
  ++num_images_;
}

void ImageSummary::Describe(v1::ArrayKind kind, v1::ArrayInfo& array) const {
  array.set_type("uint8");
  array.set_kind(kind);
  for (const int64_t size : {num_images_, height_, width_}) array.add_shape(size);
  if (kind == v1::ARRAY_KIND_IMAGE) array.add_shape(any_colour_ ? 3 : 1);
}

}  // namespace octavo
