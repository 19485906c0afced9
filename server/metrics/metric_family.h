// A metric for each combination of label values, all made at the start.

#ifndef OCTAVO_SERVER_METRICS_METRIC_FAMILY_H_
#define OCTAVO_SERVER_METRICS_METRIC_FAMILY_H_

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace octavo {

// The values that one argument of At() may take, and the labels that each stands for. The last one
// stands for all that are not known.
struct MetricDimension {
  std::vector<std::pair<std::string, prometheus::Labels>> values;
};

// One label, whose values the server alone chooses.
inline MetricDimension ClosedLabel(const std::string& name,
                                   const std::vector<std::string>& values) {
  MetricDimension dimension;
  for (const std::string& value : values) dimension.values.push_back({value, {{name, value}}});
  return dimension;
}

// One label with a further value, "other", for what comes from elsewhere.
inline MetricDimension Label(const std::string& name, std::vector<std::string> values) {
  values.push_back("other");
  return ClosedLabel(name, values);
}

// The series of one name, each at 0 from the start, so that rate() sees the first increment. A
// value that is none of a dimension's counts as "other": whatever clients send, the number of
// series stays the same.
//
// Thread-safe: nothing but the metrics changes after the constructor.
template <typename T>
class MetricFamily {
 public:
  template <typename... Args>
  MetricFamily(prometheus::Family<T>& family, std::vector<MetricDimension> dimensions,
               const Args&... args)
      : dimensions_(std::move(dimensions)) {
    std::vector<size_t> key;
    AddSeries(family, {}, key, args...);
  }

  // The series with these values, one a dimension and in their order.
  T& At(std::initializer_list<absl::string_view> values) const {
    std::vector<size_t> key;
    for (absl::string_view value : values) key.push_back(IndexOf(dimensions_[key.size()], value));
    return *series_.at(key);
  }

 private:
  static size_t IndexOf(const MetricDimension& dimension, absl::string_view value) {
    size_t index = 0;
    while (index + 1 < dimension.values.size() && dimension.values[index].first != value) ++index;
    return index;
  }

  template <typename... Args>
  void AddSeries(prometheus::Family<T>& family, const prometheus::Labels& labels,
                 std::vector<size_t>& key, const Args&... args) {
    if (key.size() == dimensions_.size()) {
      series_[key] = &family.Add(labels, args...);
      return;
    }
    const MetricDimension& dimension = dimensions_[key.size()];
    for (size_t index = 0; index < dimension.values.size(); ++index) {
      prometheus::Labels extended = labels;
      extended.insert(dimension.values[index].second.begin(), dimension.values[index].second.end());
      key.push_back(index);
      AddSeries(family, extended, key, args...);
      key.pop_back();
    }
  }

  std::vector<MetricDimension> dimensions_;
  std::map<std::vector<size_t>, T*> series_;
};

using Counters = MetricFamily<prometheus::Counter>;
using Gauges = MetricFamily<prometheus::Gauge>;
using Histograms = MetricFamily<prometheus::Histogram>;

}  // namespace octavo

#endif  // OCTAVO_SERVER_METRICS_METRIC_FAMILY_H_
