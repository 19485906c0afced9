// ArtifactService: bytes on their way out.

#ifndef OCTAVO_SERVER_API_ARTIFACT_SERVICE_H_
#define OCTAVO_SERVER_API_ARTIFACT_SERVICE_H_

#include "octavo/v1/artifacts.grpc.pb.h"
#include "server/api/api_context.h"

namespace octavo {

class ArtifactService final : public v1::ArtifactService::CallbackService {
 public:
  explicit ArtifactService(ApiContext& api) : api_(api) {}

  // The reactor deletes itself. One chunk is under way at a time: a slow client costs one chunk of
  // memory.
  grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* DownloadArtifact(
      grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) override;

 private:
  ApiContext& api_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_ARTIFACT_SERVICE_H_
