// "How it was made": what a reader needs to make the same again.

#ifndef OCTAVO_CORE_REPORT_PROVENANCE_HTML_H_
#define OCTAVO_CORE_REPORT_PROVENANCE_HTML_H_

#include <string>

#include "octavo/v1/report.pb.h"

namespace octavo {

// The section's content: model, data sets, preprocessing, request, versions, machine.
std::string ProvenanceHtml(const v1::Report& report);

// "BGR, resized to 224 x 224 (bilinear), times 0.00392": the steps in order; "as they come" where
// there are none.
std::string PreprocessText(const v1::Preprocess& preprocess);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_PROVENANCE_HTML_H_
