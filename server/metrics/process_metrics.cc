#include "server/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "prometheus/metric_family.h"

namespace octavo {
namespace {

prometheus::MetricFamily Single(const std::string& name, const std::string& help,
                                prometheus::MetricType type, double value) {
  prometheus::ClientMetric metric;
  if (type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  return {name, help, type, {metric}};
}

double CpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFds() {
  double count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
       it.increment(error)) {
    ++count;
  }
  return count;
}

double StartTime() {
  // Field 22 of stat, in clock ticks since boot; the second field may hold spaces, so count from
  // its ')'.
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line, ')');
  std::string field;
  for (int i = 3; i < 22; ++i) stat >> field;
  double ticks = 0;
  stat >> ticks;
  std::ifstream uptime("/proc/uptime");
  double seconds_up = 0;
  uptime >> seconds_up;
  return absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()) - seconds_up +
         ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::vector<prometheus::MetricFamily> ProcessMetrics::Collect() const {
  using prometheus::MetricType;
  static const double start_time = StartTime();
  return {
      Single("process_cpu_seconds_total", "User and system CPU time.", MetricType::Counter,
             CpuSeconds()),
      Single("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
             ResidentBytes()),
      Single("process_open_fds", "Open file descriptors.", MetricType::Gauge, OpenFds()),
      Single("process_start_time_seconds", "Start of the process since 1970.", MetricType::Gauge,
             start_time),
  };
}

}  // namespace octavo
