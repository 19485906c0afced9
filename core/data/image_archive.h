// Data sets that are archives of images: in class folders, with masks, or alone.

#ifndef OCTAVO_CORE_DATA_IMAGE_ARCHIVE_H_
#define OCTAVO_CORE_DATA_IMAGE_ARCHIVE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/data/archive.h"
#include "core/data/array_reader.h"

namespace octavo {

// The arrays "images" and, as the paths have it (image_layout.h), "labels" or "masks". Files that
// are no images are left out. `fd` must outlive what is opened.
//
// INVALID_ARGUMENT (DATASET_MALFORMED) as Archive::Open's and LayOutImages's, or naming an image
// that is neither JPEG nor PNG, damaged or too large. Pixels are looked at when they are read.
absl::StatusOr<std::unique_ptr<ArrayFile>> OpenImageArchive(int fd, ArchiveFormat format,
                                                            const ArchiveOptions& options);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_IMAGE_ARCHIVE_H_
