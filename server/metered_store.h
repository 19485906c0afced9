// A metadata store whose transactions are counted and timed.

#ifndef OCTAVO_SERVER_METERED_STORE_H_
#define OCTAVO_SERVER_METERED_STORE_H_

#include "server/metrics/metrics.h"
#include "server/store/metadata_store.h"

namespace octavo {

// Thread-safe, as the store behind it.
class MeteredStore : public MetadataStore {
 public:
  MeteredStore(MetadataStore& store, Metrics& metrics) : store_(store), metrics_(metrics) {}

  absl::Status Write(absl::FunctionRef<absl::Status(StoreWriter&)> body) override;
  absl::Status Read(absl::FunctionRef<absl::Status(StoreReader&)> body) override;

 private:
  MetadataStore& store_;
  Metrics& metrics_;
};

}  // namespace octavo

#endif  // OCTAVO_SERVER_METERED_STORE_H_
