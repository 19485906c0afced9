#include "server/api/upload_stream.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "core/base/error_reason.h"
#include "server/api/call.h"
#include "server/api/grpc_status.h"
#include "server/api/idle_timer.h"
#include "server/api/unary.h"
#include "server/api/upload_writer.h"

namespace octavo {
namespace {

constexpr char kMethod[] = "/octavo.v1.UploadService/WriteUpload";

// One thing is under way at any time: a read, or a task on the pool. So nothing here needs a lock.
class UploadStream : public grpc::ServerReadReactor<v1::WriteUploadRequest> {
 public:
  UploadStream(ApiContext& api, grpc::CallbackServerContext* context,
               v1::WriteUploadResponse* response)
      : api_(api),
        context_(context),
        response_(response),
        call_(kMethod, *context, api.metrics, api.log),
        writer_(api),
        start_(absl::Now()),
        timer_(api.options.idle_timeout, [context] { context->TryCancel(); }),
        place_(api.streams.Take()) {
    if (place_.taken()) {
      StartRead(&message_);
    } else {
      End(OverloadedError());
    }
  }

  void OnReadDone(bool ok) override {
    timer_.Hold();
    api_.io.Continue([this, ok] { ok ? TakeMessage() : EndEarly(); });
  }

  // Not at once: this may run inside the timer's own callback, which the destructor waits for.
  void OnDone() override {
    api_.io.Continue([this] { delete this; });
  }

 private:
  void TakeMessage() {
    if (context_->IsCancelled()) return EndEarly();
    const absl::StatusOr<bool> ready = writer_.Prepare(message_);
    if (!ready.ok()) return Fail(ready.status());
    if (!*ready) return api_.io.Continue([this] { TakeMessage(); });
    const absl::Status status = writer_.Take(message_);
    if (!status.ok()) return Fail(status);
    if (!writer_.complete()) {
      // From here on it is the client that lets us wait.
      timer_.Touch();
      return StartRead(&message_);
    }
    *response_->mutable_upload() = writer_.upload();
    Count("complete");
    End(absl::OkStatus());
  }

  void Fail(const absl::Status& status) {
    // What came before the mistake is kept; the client hears of the mistake, not of what went wrong
    // in keeping it.
    writer_.Pause().IgnoreError();
    const std::string reason = ReasonOf(status);
    if (!reason.empty()) api_.metrics.upload_rejected.At({reason}).Increment();
    Count("failed");
    End(status);
  }

  // The client closed its side without the finish, or is gone.
  void EndEarly() {
    const absl::Status status = writer_.Pause();
    if (!status.ok()) return Fail(status);
    Count("paused");
    if (context_->IsCancelled()) return End(absl::CancelledError("the client went away"));
    if (writer_.upload().name().empty()) return End(FieldError("name", "no message came"));
    *response_->mutable_upload() = writer_.upload();
    End(absl::OkStatus());
  }

  void Count(const char* outcome) {
    api_.metrics.upload_duration.At({KindName(writer_.upload().kind()), outcome})
        .Observe(absl::ToDoubleSeconds(absl::Now() - start_));
  }

  void End(const absl::Status& status) {
    if (!writer_.upload().name().empty()) call_.Note("upload", writer_.upload().name());
    // gRPC's context ends with the RPC, and the timer's callback uses it.
    timer_.Stop();
    // Before the client may begin another.
    place_.GiveBack();
    Finish(call_.End(status));
  }

  ApiContext& api_;
  grpc::CallbackServerContext* const context_;
  v1::WriteUploadResponse* const response_;
  Call call_;
  UploadWriter writer_;
  v1::WriteUploadRequest message_;
  const absl::Time start_;
  IdleTimer timer_;
  StreamLimit::Place place_;
};

}  // namespace

grpc::ServerReadReactor<v1::WriteUploadRequest>* NewUploadStream(
    ApiContext& api, grpc::CallbackServerContext* context, v1::WriteUploadResponse* response) {
  return new UploadStream(api, context, response);
}

}  // namespace octavo
