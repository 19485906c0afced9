// What the services stand on. They keep nothing themselves.

#ifndef OCTAVO_SERVER_API_API_CONTEXT_H_
#define OCTAVO_SERVER_API_API_CONTEXT_H_

#include <cstdint>

#include "absl/time/time.h"
#include "core/base/clock.h"
#include "octavo/v1/jobs.pb.h"
#include "server/api/io_pool.h"
#include "server/api/log.h"
#include "server/api/stream_limit.h"
#include "server/blobs/blob_store.h"
#include "server/jobs/job_queue.h"
#include "server/metrics/metrics.h"
#include "server/store/metadata_store.h"
#include "server/worker/inspector.h"

namespace octavo {

struct ApiOptions {
  int64_t max_upload_bytes = int64_t{16} << 30;
  int32_t max_chunk_bytes = 1 << 20;
  // Uploads that are not complete; more are RESOURCE_EXHAUSTED.
  int64_t max_open_uploads = 1000;
  absl::Duration upload_lifetime = absl::Hours(24);
  // Of unary calls that come without a deadline.
  absl::Duration unary_deadline = absl::Seconds(60);
  // A stream on which the client does nothing for so long is ended.
  absl::Duration idle_timeout = absl::Seconds(60);
  // What GetCapabilities answers.
  v1::GetCapabilitiesResponse capabilities;
};

// Everything outlives the gRPC server.
struct ApiContext {
  MetadataStore& store;
  BlobStore& blobs;
  JobQueue& queue;
  Inspector& inspector;
  Metrics& metrics;
  Clock& clock;
  Log& log;
  // Disk and database: short waits.
  IoPool& io;
  // Engines: seconds.
  IoPool& inspections;
  // Of uploads, downloads and watches together; a stream too many is RESOURCE_EXHAUSTED
  // (OVERLOADED).
  StreamLimit& streams;
  ApiOptions options;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_API_CONTEXT_H_
