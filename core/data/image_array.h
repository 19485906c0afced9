// An array whose examples are JPEGs or PNGs, each decoded when it is read.

#ifndef OCTAVO_CORE_DATA_IMAGE_ARRAY_H_
#define OCTAVO_CORE_DATA_IMAGE_ARRAY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/data/array_reader.h"
#include "core/data/image_header.h"
#include "octavo/v1/report.pb.h"

namespace octavo {

// Where images come from. Thread-safe.
class EncodedImages {
 public:
  virtual ~EncodedImages() = default;
  virtual absl::StatusOr<std::vector<uint8_t>> Read(int64_t index) const = 0;
  // What errors call it: "'cat/1.jpg'".
  virtual std::string NameOf(int64_t index) const = 0;
};

// An array of ARRAY_KIND_IMAGE or ARRAY_KIND_MASK. `example_shape` is [height, width, channels] of
// images, [height, width] of masks, with -1 for what may be any; masks of another size are resized
// to the nearest pixel.
std::unique_ptr<ArrayReader> NewImageArray(const v1::ArrayInfo& array, const Dims& example_shape,
                                           std::unique_ptr<EncodedImages> images);

// What an array of images is, told from their headers.
class ImageSummary {
 public:
  void Add(const ImageHeader& header);
  // [num_images, height, width] and for images the channels; -1: not the same for all.
  void Describe(v1::ArrayKind kind, v1::ArrayInfo& array) const;

 private:
  int64_t num_images_ = 0;
  int64_t height_ = 0;
  int64_t width_ = 0;
  bool any_colour_ = false;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_IMAGE_ARRAY_H_
