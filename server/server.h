// The whole server: builds its parts, owns them, and ends them in order.

#ifndef OCTAVO_SERVER_SERVER_H_
#define OCTAVO_SERVER_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/api/log.h"
#include "server/server_config.h"

namespace octavo {

class Server {
 public:
  // Opens the data folder, asks the engine what it is, starts workers, and serves when this
  // returns. FAILED_PRECONDITION (FOLDER_IN_USE): another server has the folder. UNAVAILABLE: an
  // address is taken, or there is no engine. `log` outlives the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerConfig& config, Log& log);
  // Drains without grace.
  virtual ~Server() = default;

  // HOST:PORT as it can be dialled, with the port that was picked.
  virtual std::string address() const = 0;
  // 0: no metrics.
  virtual int metrics_port() const = 0;

  // Health says NOT_SERVING, nothing is leased or accepted any more, watchers are told. Returns at
  // once.
  virtual void BeginDrain() = 0;
  // No job runs.
  virtual bool idle() const = 0;
  // Hands back the jobs that still run and ends every RPC. Blocks for some seconds at most.
  virtual void Stop() = 0;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_SERVER_H_
