// What can be wrong with a request, found before anything is made.

#ifndef OCTAVO_CORE_ENGINE_SPEC_CHECK_H_
#define OCTAVO_CORE_ENGINE_SPEC_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/data/dataset.h"
#include "core/tflite/model.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

struct SettledVariant {
  v1::VariantSpec spec;  // with its name and I/O type
  // Of `all_variants`: what cannot be made is skipped. Others were asked for, and fail.
  bool optional = false;
  // Why it is skipped; empty: it is not.
  std::string skip_reason;
};

// `spec` with every default filled in. INVALID_ARGUMENT (FIELD_INVALID), naming the field: a number
// out of range, a goal that is none, more than 32 variants or none.
absl::StatusOr<v1::OptimizeSpec> FillDefaults(const v1::OptimizeSpec& spec);

// What a job's variants are made of.
struct VariantSource {
  bool is_quantized = false;
  // Its integers are uint8 throughout: variants are made of it as of a float model.
  bool is_uint8 = false;
  // Of every activation: nothing is left to calibrate.
  bool has_ranges = false;
  // Why nothing of it is run, in a reader's words; empty: it is.
  std::string not_run;
};

// The variants of a job, the float32 one first, be it asked for or not (not so where nothing is
// evaluated). Of a model that is quantized it is named "original", and what is made of it are other
// inputs and outputs, unless it is a uint8 one.
//
// INVALID_ARGUMENT (FIELD_INVALID), naming the field: an unknown scheme, an I/O type that it does
// not have, a name that is none, is another's, or means another variant. FAILED_PRECONDITION
// (NO_CALIBRATION): a variant that was asked for by name needs a calibration set and there is none.
// FAILED_PRECONDITION (OP_UNSUPPORTED): it needs a calibration, and the model is not run.
// FAILED_PRECONDITION (NOT_FLOAT, NOT_QUANTIZED): it is made of models of the other kind.
absl::StatusOr<std::vector<SettledVariant>> SettleVariants(const v1::OptimizeSpec& spec,
                                                           const VariantSource& source = {});

// How many classes the first output of `model` (fixed shapes) tells apart; 0: it is no list of
// scores.
int64_t NumClasses(const Model& model);

// INVALID_ARGUMENT (LABEL_OUT_OF_RANGE), naming the first example whose label is no class.
absl::Status CheckLabels(const Dataset& dataset, int64_t num_classes);

// INVALID_ARGUMENT (NOT_FINITE), naming the first example with a value that is NaN or infinite, and
// the input.
absl::Status CheckFinite(const Model& model, const Dataset& dataset, int num_threads);

}  // namespace octavo

#endif  // OCTAVO_CORE_ENGINE_SPEC_CHECK_H_
