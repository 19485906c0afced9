// UploadService: bytes on their way in.

#ifndef OCTAVO_SERVER_API_UPLOAD_SERVICE_H_
#define OCTAVO_SERVER_API_UPLOAD_SERVICE_H_

#include "absl/status/statusor.h"
#include "octavo/v1/uploads.grpc.pb.h"
#include "server/api/api_context.h"

namespace octavo {

class UploadService final : public v1::UploadService::CallbackService {
 public:
  explicit UploadService(ApiContext& api) : api_(api) {}

  grpc::ServerUnaryReactor* CreateUpload(grpc::CallbackServerContext* context,
                                         const v1::CreateUploadRequest* request,
                                         v1::CreateUploadResponse* response) override;
  grpc::ServerReadReactor<v1::WriteUploadRequest>* WriteUpload(
      grpc::CallbackServerContext* context, v1::WriteUploadResponse* response) override;
  grpc::ServerUnaryReactor* GetUpload(grpc::CallbackServerContext* context,
                                      const v1::GetUploadRequest* request,
                                      v1::GetUploadResponse* response) override;

 private:
  ApiContext& api_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_UPLOAD_SERVICE_H_
