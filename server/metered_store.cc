#include "server/metered_store.h"

namespace octavo {
namespace {

// The body's own errors are answers, not failures of the store.
bool IsStoreError(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDataLoss(status);
}

}  // namespace

absl::Status MeteredStore::Write(absl::FunctionRef<absl::Status(StoreWriter&)> body) {
  const ScopedTimer timer(metrics_.db_tx.At({"write"}));
  const absl::Status status = store_.Write(body);
  if (IsStoreError(status)) metrics_.db_errors.At({"write"}).Increment();
  return status;
}

absl::Status MeteredStore::Read(absl::FunctionRef<absl::Status(StoreReader&)> body) {
  const ScopedTimer timer(metrics_.db_tx.At({"read"}));
  const absl::Status status = store_.Read(body);
  if (IsStoreError(status)) metrics_.db_errors.At({"read"}).Increment();
  return status;
}

}  // namespace octavo
