// WatchJob: a job's snapshot, then its events as they come.

#ifndef OCTAVO_SERVER_API_WATCH_STREAM_H_
#define OCTAVO_SERVER_API_WATCH_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "octavo/v1/jobs.pb.h"
#include "server/api/api_context.h"

namespace octavo {

// The reactor of one stream; it deletes itself. One message is under way at a time, and what
// happens meanwhile is read from the queue afterwards: a slow watcher costs no memory and misses
// percentages only.
grpc::ServerWriteReactor<v1::WatchJobResponse>* NewWatchStream(ApiContext& api,
                                                               grpc::CallbackServerContext* context,
                                                               const v1::WatchJobRequest& request);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_WATCH_STREAM_H_
