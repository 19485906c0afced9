// DatasetService: uploads that became data sets.

#ifndef OCTAVO_SERVER_API_DATASET_SERVICE_H_
#define OCTAVO_SERVER_API_DATASET_SERVICE_H_

#include "octavo/v1/datasets.grpc.pb.h"
#include "server/api/api_context.h"

namespace octavo {

class DatasetService final : public v1::DatasetService::CallbackService {
 public:
  explicit DatasetService(ApiContext& api) : api_(api) {}

  grpc::ServerUnaryReactor* CreateDataset(grpc::CallbackServerContext* context,
                                          const v1::CreateDatasetRequest* request,
                                          v1::CreateDatasetResponse* response) override;
  grpc::ServerUnaryReactor* GetDataset(grpc::CallbackServerContext* context,
                                       const v1::GetDatasetRequest* request,
                                       v1::GetDatasetResponse* response) override;
  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* context,
                                         const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteDataset(grpc::CallbackServerContext* context,
                                          const v1::DeleteDatasetRequest* request,
                                          v1::DeleteDatasetResponse* response) override;

 private:
  ApiContext& api_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_API_DATASET_SERVICE_H_
