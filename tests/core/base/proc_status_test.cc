#include "core/base/proc_status.h"

#include "gtest/gtest.h"

namespace octavo {
namespace {

TEST(ProcStatusBytes, FindsAFieldByItsWholeName) {
  constexpr char kText[] = "Name:\tVmRSS\nVmHWM:\t    5432 kB\nVmRSS:\t      12 kB\nThreads:\t3\n";
  EXPECT_EQ(ProcStatusBytes(kText, "VmHWM"), 5432 * 1024);
  EXPECT_EQ(ProcStatusBytes(kText, "VmRSS"), 12 * 1024);
  EXPECT_EQ(ProcStatusBytes(kText, "Vm"), 0);
  EXPECT_EQ(ProcStatusBytes(kText, "Threads"), 0);
  EXPECT_EQ(ProcStatusBytes("VmRSS:\tmuch kB", "VmRSS"), 0);
  EXPECT_EQ(ProcStatusBytes("", "VmRSS"), 0);
}

}  // namespace
}  // namespace octavo
