// What quantizing and calibrating cost beside copying and running: `make bench` holds the ratios to
// their bounds.

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "core/calibrate/calibrate.h"
#include "core/data/npz_dataset.h"
#include "core/evaluate/model_runner.h"
#include "core/quantize/quant_params.h"
#include "core/quantize/rounding.h"
#include "tests/core/evaluate/model_fixture.h"
#include "tests/testing/fixtures.h"

namespace octavo {
namespace {

// Of a large convolution: 38 MB, which no cache holds.
const Shape kWeightsShape = {1024, 3, 3, 1024};

std::vector<float> Weights() {
  std::vector<float> weights(static_cast<size_t>(*NumElements(kWeightsShape)));
  uint32_t state = 1;
  for (float& weight : weights) {
    state = state * 1664525 + 1013904223;
    weight = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f;
  }
  return weights;
}

void SetBytes(benchmark::State& state, const std::vector<float>& weights) {
  state.SetBytesProcessed(
      static_cast<int64_t>(state.iterations() * weights.size() * sizeof(float)));
}

void CopyWeights(benchmark::State& state) {
  const std::vector<float> weights = Weights();
  std::vector<float> copy(weights.size());
  for (auto _ : state) {
    std::memcpy(copy.data(), weights.data(), weights.size() * sizeof(float));
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  SetBytes(state, weights);
}
BENCHMARK(CopyWeights)->Unit(benchmark::kMillisecond);

// Scales and codes, as a variant is made.
void QuantizeWeights(benchmark::State& state, schema::TensorType type) {
  const std::vector<float> weights = Weights();
  for (auto _ : state) {
    const bool has_scales = type != schema::TensorType_FLOAT16;
    const int highest = type == schema::TensorType_INT4 ? 7 : 127;
    const QuantParams params =
        has_scales ? SymmetricWeightParams(weights, kWeightsShape, 0, highest) : QuantParams();
    benchmark::DoNotOptimize(StoreAs(type, params, weights, kWeightsShape));
  }
  SetBytes(state, weights);
}
BENCHMARK_CAPTURE(QuantizeWeights, int8, schema::TensorType_INT8)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(QuantizeWeights, int4, schema::TensorType_INT4)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(QuantizeWeights, float16, schema::TensorType_FLOAT16)
    ->Unit(benchmark::kMillisecond);

// Twelve crops of photos as mobilenet_v2 takes them, and the net.
struct Mobilenet {
  Model model = ReadFixture("models/mobilenet_v2/float.tflite");
  ExampleList images{Crops(model)};

  static std::vector<Example> Crops(const Model& model) {
    const schema::TensorT& tensor = model.tensor(TensorIndex{model.graph().inputs[0]});
    const InputSpec input{tensor.name, tensor.type, tensor.shape};
    v1::DatasetUse use;
    use.add_bindings()->add_arrays("crops");
    use.set_max_examples(12);
    v1::Preprocess preprocess;
    preprocess.add_scale(1.0f / 255);
    const v1::Preprocess* const steps[] = {&preprocess};
    auto file = OpenForReading(TestDataPath("data/mobilenet.npz"));
    CHECK_OK(file.status());
    auto opened = OpenNpz(file->get(), {&input, 1}, use, steps, int64_t{1} << 30);
    CHECK_OK(opened.status());
    std::vector<Example> examples;
    for (int64_t i = 0; i < opened->dataset->size(); ++i) {
      auto example = opened->dataset->Get(i);
      CHECK_OK(example.status());
      examples.push_back(*std::move(example));
    }
    return examples;
  }
};

const Mobilenet& Net() {
  static const Mobilenet net;
  return net;
}

void RunImages(benchmark::State& state) {
  ModelRunner runner(Net().model);
  for (auto _ : state) {
    for (int64_t i = 0; i < Net().images.size(); ++i) {
      CHECK_OK(runner.Run(*Net().images.Get(i)).status());
    }
  }
}
BENCHMARK(RunImages)->Unit(benchmark::kMillisecond);

void CalibrateImages(benchmark::State& state, bool histograms) {
  for (auto _ : state) {
    CHECK_OK(
        Calibrate(Net().model, Net().images, {.histograms = histograms, .progress = {}}).status());
  }
}
BENCHMARK_CAPTURE(CalibrateImages, min_max, false)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(CalibrateImages, histograms, true)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace octavo

BENCHMARK_MAIN();
