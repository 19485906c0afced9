// WriteUpload: chunks from the wire to the blob store, one at a time.

#ifndef OCTAVO_SERVER_API_UPLOAD_STREAM_H_
#define OCTAVO_SERVER_API_UPLOAD_STREAM_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "octavo/v1/uploads.pb.h"
#include "server/api/api_context.h"

namespace octavo {

// The reactor of one stream; it deletes itself. The next chunk is asked for only when the last one
// is hashed and written: the client is slowed by HTTP/2's window, and the server holds one chunk a
// stream.
grpc::ServerReadReactor<v1::WriteUploadRequest>* NewUploadStream(
    ApiContext& api, grpc::CallbackServerContext* context, v1::WriteUploadResponse* response);

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_UPLOAD_STREAM_H_
