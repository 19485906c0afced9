// absl::Time <-> google.protobuf.Timestamp.

#ifndef OCTAVO_SERVER_API_TIMESTAMPS_H_
#define OCTAVO_SERVER_API_TIMESTAMPS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace octavo {

inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return timestamp;
}

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_TIMESTAMPS_H_
