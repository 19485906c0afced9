#include "core/calibrate/kept_statistics.h"

#include <limits>

#include "core/base/sha256.h"
#include "gtest/gtest.h"
#include "octavo/engine/v1/engine.pb.h"
#include "tests/core/quantize/float_graph.h"

namespace octavo {
namespace {

Model Relu() {
  FloatGraph graph;
  const TensorIndex x = graph.Input("x", {1, 3});
  graph.Output(graph.Op(schema::BuiltinOperator_RELU, {x}, "y", {1, 3}));
  return graph.Build();
}

CalibrationStatistics SomeStatistics(const Model& model, bool histograms) {
  CalibrationStatistics statistics;
  statistics[FindTensor(model, "x")] = {
      .min_max = {-3, 1e30f}, .moving_average = {-0.1f, 0.3f}, .histogram = {}};
  statistics[FindTensor(model, "y")] = {.min_max = {0, 0}, .moving_average = {0, 0}};
  if (histograms) {
    const float values[] = {-3, 0, 0, 1e-7f, 1e30f};
    for (auto& [tensor, seen] : statistics) seen.histogram.Add(values, 1e30f);
  }
  return statistics;
}

// `statistics` of Relu() as a file that is whole, after `change`.
template <typename Change>
std::string Changed(const CalibrationStatistics& statistics, const Change& change) {
  engine::v1::KeptStatistics kept;
  kept.ParseFromString(WriteStatistics(statistics, "key"));
  engine::v1::GatheredStatistics gathered;
  gathered.ParseFromString(kept.gathered());
  change(gathered);
  kept.set_gathered(gathered.SerializeAsString());
  kept.set_digest(Sha256Hex(kept.gathered()));
  return kept.SerializeAsString();
}

TEST(KeptStatistics, AreReadAsTheyWereWritten) {
  const Model model = Relu();
  for (const bool histograms : {false, true}) {
    const CalibrationStatistics statistics = SomeStatistics(model, histograms);
    EXPECT_EQ(ReadStatistics(WriteStatistics(statistics, "key"), "key", model), statistics);
  }
}

TEST(KeptStatistics, AreNoneUnderAnotherKey) {
  const Model model = Relu();
  const std::string bytes = WriteStatistics(SomeStatistics(model, true), "key");
  EXPECT_EQ(ReadStatistics(bytes, "another", model), std::nullopt);
}

TEST(KeptStatistics, AreNoneWhereAnyByteIsDamagedOrMissing) {
  const Model model = Relu();
  const CalibrationStatistics statistics = SomeStatistics(model, false);
  const std::string bytes = WriteStatistics(statistics, "key");
  for (size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_EQ(ReadStatistics(bytes.substr(0, i), "key", model), std::nullopt) << i;
    for (const char bit : {1, 4, 0x40}) {
      std::string damaged = bytes;
      damaged[i] ^= bit;
      EXPECT_EQ(ReadStatistics(damaged, "key", model), std::nullopt) << i;
    }
  }
}

TEST(KeptStatistics, AreNoneWhereNoCalibrationGathersSuch) {
  const Model model = Relu();
  using Gathered = engine::v1::GatheredStatistics;
  void (*const changes[])(Gathered&) = {
      [](Gathered& all) { all.clear_tensors(); },
      [](Gathered& all) { all.mutable_tensors(0)->set_tensor(-1); },
      [](Gathered& all) { all.mutable_tensors(0)->set_tensor(1'000'000); },
      [](Gathered& all) { *all.add_tensors() = all.tensors(0); },
      [](Gathered& all) { all.mutable_tensors(0)->set_min(2e30f); },
      [](Gathered& all) {
        all.mutable_tensors(0)->set_average_max(std::numeric_limits<float>::quiet_NaN());
      },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->set_exponent(119); },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->set_exponent(-127); },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->set_zeros(100); },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->add_counts(0); },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->set_counts(5, -1); },
      [](Gathered& all) { all.mutable_tensors(0)->mutable_histogram()->set_counts(5, INT64_MAX); },
  };
  const CalibrationStatistics statistics = SomeStatistics(model, true);
  EXPECT_EQ(ReadStatistics(Changed(statistics, [](Gathered&) {}), "key", model), statistics);
  for (size_t i = 0; i < std::size(changes); ++i) {
    EXPECT_EQ(ReadStatistics(Changed(statistics, changes[i]), "key", model), std::nullopt) << i;
  }
}

}  // namespace
}  // namespace octavo
