// The checks that every request goes through, collected so that a client learns of all its mistakes
// at once.

#ifndef OCTAVO_SERVER_API_FIELD_CHECKS_H_
#define OCTAVO_SERVER_API_FIELD_CHECKS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/map.h"

namespace octavo {

// Problems of a request's fields, in the order of finding. Not thread-safe.
class FieldErrors {
 public:
  // At most 50 are kept.
  void Add(absl::string_view field, absl::string_view problem);
  // Adds the problem where `ok` is false.
  void Check(bool ok, absl::string_view field, absl::string_view problem) {
    if (!ok) Add(field, problem);
  }
  bool empty() const { return problems_.empty(); }

  // OK, or INVALID_ARGUMENT (FIELD_INVALID) with a violation for each; the message is the first.
  absl::Status ToStatus() const;

 private:
  std::vector<std::pair<std::string, std::string>> problems_;
};

// "models/{model}" with an id of the server's making; nothing else ever becomes a row's key or a
// path.
void CheckName(absl::string_view field, absl::string_view name, absl::string_view collection,
               FieldErrors& errors);
// "artifacts/{digest}".
void CheckArtifactName(absl::string_view field, absl::string_view name, FieldErrors& errors);
// At most 128 bytes, no control characters.
void CheckText(absl::string_view field, absl::string_view text, FieldErrors& errors);
// At most 64, keys of 1 to 63 bytes, values of at most 256.
void CheckLabels(absl::string_view field,
                 const google::protobuf::Map<std::string, std::string>& labels,
                 FieldErrors& errors);

// The same for a request that is only a name.
absl::Status CheckedName(absl::string_view name, absl::string_view collection);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_FIELD_CHECKS_H_
