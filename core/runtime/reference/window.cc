#include "core/runtime/reference/window.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace octavo::reference {

Range WindowAxis::Taps(int64_t place) const {
  const int64_t first = InputAt(place, 0);
  const int64_t begin = first < 0 ? (-first + dilation - 1) / dilation : 0;
  const int64_t end = first >= input ? 0 : (input - first + dilation - 1) / dilation;
  return {static_cast<int>(std::min<int64_t>(begin, filter)),
          static_cast<int>(std::clamp<int64_t>(end, 0, filter))};
}

absl::StatusOr<WindowAxis> MakeWindowAxis(const Operands& operands, int input, int output,
                                          int filter, const WindowOptions& options) {
  RETURN_IF_ERROR(
      operands.Require(filter > 0 && options.stride > 0 && options.dilation > 0,
                       absl::StrCat("a window of size ", filter, ", stride ", options.stride,
                                    " and dilation ", options.dilation)));
  const int64_t reach = (int64_t{filter} - 1) * options.dilation + 1;
  const int64_t room =
      options.padding == schema::Padding_SAME ? int64_t{input} - 1 : int64_t{input} - reach;
  const int64_t expected = room < 0 ? 0 : room / options.stride + 1;
  RETURN_IF_ERROR(operands.Require(
      output == expected, absl::StrCat("an output of ", output, " pixels, expected ", expected)));
  const int64_t missing = (int64_t{output} - 1) * options.stride + reach - input;
  const int64_t padding = std::max<int64_t>(missing, 0) / 2;
  RETURN_IF_ERROR(operands.Require(padding <= std::numeric_limits<int32_t>::max(),
                                   "a window too large to place"));
  return WindowAxis{input,          output,           filter,
                    options.stride, options.dilation, static_cast<int>(padding)};
}

}  // namespace octavo::reference
