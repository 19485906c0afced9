#include "server/metered_blob_store.h"

#include "google/rpc/code.pb.h"

namespace octavo {
namespace {

absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Runs `operation`, times it and counts it where it fails. That a blob is not there is an answer.
template <typename Operation>
auto Metered(Metrics& metrics, absl::string_view op, Operation operation) {
  const ScopedTimer timer(metrics.store_op.At({op}));
  auto result = operation();
  const absl::Status status = StatusOf(result);
  if (!status.ok() && !absl::IsNotFound(status)) {
    const auto code = static_cast<google::rpc::Code>(status.code());
    metrics.store_errors.At({op, google::rpc::Code_Name(code)}).Increment();
  }
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PartialBlob>> MeteredBlobStore::OpenPartial(absl::string_view id) {
  return Metered(metrics_, "open", [&] { return blobs_.OpenPartial(id); });
}

absl::StatusOr<int64_t> MeteredBlobStore::PartialBytes(absl::string_view id) {
  return Metered(metrics_, "touch", [&] { return blobs_.PartialBytes(id); });
}

absl::Status MeteredBlobStore::DeletePartial(absl::string_view id) {
  return Metered(metrics_, "delete", [&] { return blobs_.DeletePartial(id); });
}

absl::StatusOr<std::vector<PartialEntry>> MeteredBlobStore::ListPartials() {
  return Metered(metrics_, "list", [&] { return blobs_.ListPartials(); });
}

absl::StatusOr<StoredBlob> MeteredBlobStore::Touch(absl::string_view digest) {
  return Metered(metrics_, "touch", [&] { return blobs_.Touch(digest); });
}

absl::StatusOr<OpenedBlob> MeteredBlobStore::Open(absl::string_view digest) {
  return Metered(metrics_, "open", [&] { return blobs_.Open(digest); });
}

absl::StatusOr<StoredBlob> MeteredBlobStore::PutFile(int fd, int64_t max_bytes) {
  return Metered(metrics_, "put", [&] { return blobs_.PutFile(fd, max_bytes); });
}

absl::StatusOr<bool> MeteredBlobStore::DeleteUnused(absl::string_view digest, absl::Time before) {
  return Metered(metrics_, "delete", [&] { return blobs_.DeleteUnused(digest, before); });
}

absl::StatusOr<std::vector<std::string>> MeteredBlobStore::ListUnused(absl::Time before) {
  return Metered(metrics_, "list", [&] { return blobs_.ListUnused(before); });
}

absl::StatusOr<int64_t> MeteredBlobStore::FreeBytes() { return blobs_.FreeBytes(); }

}  // namespace octavo
