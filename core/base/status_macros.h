// Passing errors on, with what only the caller knows: RETURN_IF_ERROR and ASSIGN_OR_RETURN.
//
//   ASSIGN_OR_RETURN(const Model model, ReadModel(bytes), "model ", name);
//
// gives "model a.tflite: buffer 3 is out of range". The further arguments are evaluated only on
// failure; the code and the payloads of the status stay.

#ifndef OCTAVO_CORE_BASE_STATUS_MACROS_H_
#define OCTAVO_CORE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace octavo {

// `status` with `doing` before its message.
template <typename... Parts>
absl::Status Annotate(const absl::Status& status, const Parts&... doing) {
  absl::Status annotated(status.code(), absl::StrCat(doing..., ": ", status.message()));
  status.ForEachPayload([&](absl::string_view type_url, const absl::Cord& payload) {
    annotated.SetPayload(type_url, payload);
  });
  return annotated;
}
inline absl::Status Annotate(absl::Status status) { return status; }

}  // namespace octavo

#define RETURN_IF_ERROR(expr, ...)                                                    \
  do {                                                                                \
    if (absl::Status octavo_status = (expr); !octavo_status.ok()) {                   \
      return ::octavo::Annotate(std::move(octavo_status) __VA_OPT__(, ) __VA_ARGS__); \
    }                                                                                 \
  } while (false)

#define OCTAVO_CONCAT_(a, b) a##b
#define OCTAVO_CONCAT(a, b) OCTAVO_CONCAT_(a, b)
#define ASSIGN_OR_RETURN(decl, expr, ...)                                \
  OCTAVO_ASSIGN_OR_RETURN(OCTAVO_CONCAT(octavo_result_, __LINE__), decl, \
                          expr __VA_OPT__(, ) __VA_ARGS__)
#define OCTAVO_ASSIGN_OR_RETURN(result, decl, expr, ...)                              \
  auto result = (expr);                                                               \
  if (!result.ok()) {                                                                 \
    return ::octavo::Annotate(std::move(result).status() __VA_OPT__(, ) __VA_ARGS__); \
  }                                                                                   \
  decl = *std::move(result)

#endif  // OCTAVO_CORE_BASE_STATUS_MACROS_H_
