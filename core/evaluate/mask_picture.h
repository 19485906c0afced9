// Masks of classes as small pictures.

#ifndef OCTAVO_CORE_EVALUATE_MASK_PICTURE_H_
#define OCTAVO_CORE_EVALUATE_MASK_PICTURE_H_

#include <cstdint>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace octavo {

// A PNG of the mask `classes`, `height` times `width`, a colour a class: dark, light, then others.
// Where `reference` is not empty, places whose class is another there are red, or blue where the
// mask has class 0. No more than 192 pixels a side: of a larger mask every n-th place is drawn. A
// class of -1 is grey. INTERNAL: the library refuses.
absl::StatusOr<std::string> MaskPicture(std::span<const int32_t> classes,
                                        std::span<const int32_t> reference, int64_t height,
                                        int64_t width);

}  // namespace octavo

#endif  // OCTAVO_CORE_EVALUATE_MASK_PICTURE_H_
