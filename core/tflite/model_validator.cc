#include "core/tflite/model_validator.h"

namespace octavo {

absl::Status ValidateModel(const Model&) { return absl::OkStatus(); }

}  // namespace octavo
