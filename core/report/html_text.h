// Text inside HTML.

#ifndef OCTAVO_CORE_REPORT_HTML_TEXT_H_
#define OCTAVO_CORE_REPORT_HTML_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace octavo {

// `text` as it may stand between tags and between quotes.
std::string EscapeHtml(absl::string_view text);

}  // namespace octavo

#endif  // OCTAVO_CORE_REPORT_HTML_TEXT_H_
