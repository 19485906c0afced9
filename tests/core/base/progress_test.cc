#include "core/base/progress.h"

#include <vector>

#include "absl/status/status_matchers.h"
#include "core/base/parallel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(Progress, CountsByOneWhateverTheThreads) {
  int64_t last = 0;
  const ProgressListener listener = [&](int64_t done, int64_t total) {
    EXPECT_EQ(done, last + 1);
    EXPECT_EQ(total, 500);
    last = done;
  };
  Progress progress(listener, 500);
  const absl::Status status = ParallelFor(4, 500, [&](int64_t) {
    progress.OneIsDone();
    return absl::OkStatus();
  });
  EXPECT_THAT(status, absl_testing::IsOk());
  EXPECT_EQ(last, 500);
}

TEST(Progress, NeedsNoListener) {
  const ProgressListener none;
  Progress(none, 1).OneIsDone();
}

}  // namespace
}  // namespace octavo
