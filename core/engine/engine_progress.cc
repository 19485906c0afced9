#include "core/engine/engine_progress.h"

#include <utility>

#include "core/engine/statistics_cache.h"

namespace octavo {
namespace {

constexpr absl::Duration kBetweenCounts = absl::Milliseconds(100);

}  // namespace

EngineProgress::EngineProgress(Send send, Clock& clock)
    : send_(std::move(send)), clock_(clock), start_(clock.Now()) {}

double EngineProgress::ElapsedSeconds() const {
  return absl::ToDoubleSeconds(clock_.Now() - start_);
}

void EngineProgress::SendProgress() {
  last_sent_ = clock_.Now();
  progress_.set_elapsed_seconds(ElapsedSeconds());
  engine::v1::EngineMessage message;
  *message.mutable_progress() = progress_;
  send_(message);
}

void EngineProgress::SetVariantsTotal(int total) { progress_.set_variants_total(total); }

void EngineProgress::BeginStage(v1::Stage stage, absl::string_view variant) {
  progress_.set_stage(stage);
  progress_.set_variant(std::string(variant));
  progress_.set_done(0);
  progress_.set_total(0);
  SendProgress();
}

void EngineProgress::Count(int64_t done, int64_t total) {
  progress_.set_done(done);
  progress_.set_total(total);
  if (done == total || clock_.Now() - last_sent_ >= kBetweenCounts) SendProgress();
}

void EngineProgress::FinishVariant(v1::VariantReport variant) {
  progress_.set_variants_done(progress_.variants_done() + 1);
  engine::v1::EngineMessage message;
  *message.mutable_variant() = std::move(variant);
  send_(message);
}

void EngineProgress::SendStatistics(std::string statistics) {
  if (static_cast<int64_t>(statistics.size()) > kMaxStatisticsBytes) return;
  engine::v1::EngineMessage message;
  message.set_statistics(std::move(statistics));
  send_(message);
}

}  // namespace octavo
