#include "client/cli/job_display.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "client/cli/table.h"

namespace octavo {
namespace {

std::string StageText(v1::Stage stage) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::Stage_Name(stage), "STAGE_"));
}

std::string UnitOf(v1::Stage stage) {
  switch (stage) {
    case v1::STAGE_BENCHMARK:
      return "runs";
    case v1::STAGE_FETCH:
    case v1::STAGE_STORE:
      return "files";
    default:
      return "examples";
  }
}

}  // namespace

void JobDisplay::Show(const v1::JobEvent& event) {
  switch (event.event_case()) {
    case v1::JobEvent::kProgress:
      return Show(event.progress());
    case v1::JobEvent::kVariant:
      return Show(event.variant());
    case v1::JobEvent::kAttemptFailed:
      return progress_.Line(absl::StrCat("attempt ", event.attempt_failed().number(),
                                         " failed: ", event.attempt_failed().error().message(),
                                         "; it is tried again"));
    default:
      return;
  }
}

void JobDisplay::Show(const v1::JobProgress& progress) {
  const std::string step = progress.variant().empty()
                               ? StageText(progress.stage())
                               : absl::StrCat(StageText(progress.stage()), " ", progress.variant());
  // By the attempt's own clock: the events of a job that runs already come all at once.
  progress_.Update(step, progress.done(), progress.total(), UnitOf(progress.stage()),
                   absl::UnixEpoch() + absl::Seconds(progress.elapsed_seconds()));
}

void JobDisplay::Show(const v1::VariantReport& variant) {
  const std::string& name = variant.spec().name();
  if (variant.state() == v1::VariantReport::STATE_FAILED) {
    return progress_.Line(absl::StrCat(name, ": FAILED: ", variant.error().message()));
  }
  if (variant.state() == v1::VariantReport::STATE_SKIPPED) {
    return progress_.Line(absl::StrCat(name, ": skipped: ", variant.skip_reason()));
  }
  std::string line =
      absl::StrCat(name, ": ", GroupDigits(variant.artifact().size_bytes()), " bytes");
  if (variant.has_accuracy()) {
    absl::StrAppendFormat(&line, ", top-1 %.2f %%", 100 * variant.accuracy().top1());
  } else if (variant.has_fidelity()) {
    absl::StrAppendFormat(&line, ", %.1f dB", variant.fidelity().sqnr_db());
  }
  if (variant.has_latency())
    absl::StrAppendFormat(&line, ", p50 %.3f ms", variant.latency().p50_ms());
  progress_.Line(line);
}

}  // namespace octavo
