// ModelService: uploads that became models.

#ifndef OCTAVO_SERVER_API_MODEL_SERVICE_H_
#define OCTAVO_SERVER_API_MODEL_SERVICE_H_

#include "octavo/v1/models.grpc.pb.h"
#include "server/api/api_context.h"

namespace octavo {

class ModelService final : public v1::ModelService::CallbackService {
 public:
  explicit ModelService(ApiContext& api) : api_(api) {}

  grpc::ServerUnaryReactor* CreateModel(grpc::CallbackServerContext* context,
                                        const v1::CreateModelRequest* request,
                                        v1::CreateModelResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteModel(grpc::CallbackServerContext* context,
                                        const v1::DeleteModelRequest* request,
                                        v1::DeleteModelResponse* response) override;

 private:
  ApiContext& api_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_MODEL_SERVICE_H_
