// Data on the command line: FILE[:[INPUT=]ARRAY[+ARRAY…],…][:labels=ARRAY].

#ifndef OCTAVO_CLIENT_CLI_DATA_ARGUMENT_H_
#define OCTAVO_CLIENT_CLI_DATA_ARGUMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "octavo/v1/spec.pb.h"

namespace octavo {

// A file, and how its arrays are used.
struct DataArgument {
  std::string path;  // or "datasets/ID", one that the server has
  v1::DatasetUse use;
};

// "test.npz", "photos.zip", "digits.npz:x_test:labels=y_test", "portrait.npz:image=frames+priors",
// "pairs.npz:left=a,right=b". An input's name may hold a colon before digits, as in
// "serving_default_x:0=images". INVALID_ARGUMENT says which part is wrong.
absl::StatusOr<DataArgument> ParseDataArgument(const std::string& text);

}  // namespace octavo

#endif  // OCTAVO_CLIENT_CLI_DATA_ARGUMENT_H_
