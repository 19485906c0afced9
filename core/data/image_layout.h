// How the images of an archive make up a data set, told from their paths alone.

#ifndef OCTAVO_CORE_DATA_IMAGE_LAYOUT_H_
#define OCTAVO_CORE_DATA_IMAGE_LAYOUT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace octavo {

struct ImageLayout {
  // The place, among the paths, of each example's image, and of its mask where there are masks.
  std::vector<int64_t> images;
  std::vector<int64_t> masks;
  // Where the images lie in class folders: each example's class, and the classes' names.
  std::vector<int64_t> labels;
  std::vector<std::string> class_names;
};

// One folder that all paths begin with is left out. What is left are
//   images/NAME and masks/NAME, paired by their names without the ending and in their order;
//   CLASS/NAME: classes in the order of their names are 0, 1 ..., and examples are one of each
//     class in turn, each class in the order of its names, so that the first few are of all;
//   NAME, in their order.
//
// INVALID_ARGUMENT (DATASET_MALFORMED), naming a path: a mixture of these, deeper folders, an image
// without a mask or the other way round, or no path.
absl::StatusOr<ImageLayout> LayOutImages(std::span<const std::string> paths);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_IMAGE_LAYOUT_H_
