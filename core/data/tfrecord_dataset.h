// Data sets in TFRecord files of tf.Example: each feature is an array.

#ifndef OCTAVO_CORE_DATA_TFRECORD_DATASET_H_
#define OCTAVO_CORE_DATA_TFRECORD_DATASET_H_

#include <memory>

#include "absl/status/statusor.h"
#include "core/data/array_reader.h"

namespace octavo {

// A feature of floats is an array of float32, one of integers of int64, one of bytes an array of
// images where the first record's is a JPEG or PNG, else of uint8 where all are of one length, else
// of texts, which no input takes. Reads all of the file once, and each record when it is asked for.
// `fd` must outlive what is opened.
//
// INVALID_ARGUMENT (DATASET_MALFORMED), naming the record and the feature: as TfRecordFile's and
// ParseExample's, a feature of two kinds, or an image that is none.
absl::StatusOr<std::unique_ptr<ArrayFile>> OpenTfRecord(int fd);

}  // namespace octavo

#endif  // OCTAVO_CORE_DATA_TFRECORD_DATASET_H_
