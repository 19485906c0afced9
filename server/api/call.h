// One RPC from its start to its status: named by a request id, counted and logged.

#ifndef OCTAVO_SERVER_API_CALL_H_
#define OCTAVO_SERVER_API_CALL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/status.h"
#include "server/api/log.h"
#include "server/metrics/metrics.h"

namespace octavo {

// Not thread-safe: belongs to whoever handles the RPC at the moment.
class Call {
 public:
  // `method` is the path, "/octavo.v1.JobService/GetJob", and lives for ever. Takes the request id
  // from the client's metadata "x-request-id" if it is a sane one, and says it back under the same
  // key.
  Call(const char* method, grpc::CallbackServerContext& context, Metrics& metrics, Log& log);
  // A call that nobody ended was cancelled.
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& request_id() const { return request_id_; }

  // What the log says of it beside method, code and time: a resource's name, for example.
  void Note(absl::string_view key, absl::string_view value);

  // Counts it and logs it; the result is what goes over the wire. Once.
  grpc::Status End(const absl::Status& status);

 private:
  const char* method_;
  Metrics& metrics_;
  Log& log_;
  const absl::Time start_;
  std::string request_id_;
  std::vector<std::pair<std::string, std::string>> notes_;
  bool ended_ = false;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_CALL_H_
