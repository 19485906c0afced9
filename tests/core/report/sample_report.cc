#include "tests/core/report/sample_report.h"

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"

namespace octavo {
namespace {

constexpr int kClasses = 10;
constexpr int kExamplesOfClass = 1000;

// Of each class as many mistakes as top-1 asks for, most of them into a few neighbours.
void FillConfusion(double top1, uint32_t seed, v1::Accuracy& accuracy) {
  std::mt19937 random(seed);
  std::vector<int64_t> confusion(kClasses * kClasses);
  auto mistakes = static_cast<int64_t>(std::llround((1 - top1) * kClasses * kExamplesOfClass));
  for (int label = 0; label < kClasses; ++label)
    confusion[label * kClasses + label] = kExamplesOfClass;
  // The same places for all variants but for the last few: quantization changes little.
  std::mt19937 places(5);
  for (int64_t i = 0; i < mistakes; ++i) {
    std::mt19937& source = i < mistakes * 9 / 10 ? places : random;
    const int label = static_cast<int>(source() % kClasses);
    const int other =
        (label + (source() % 3 == 0 ? 5 : 1 + static_cast<int>(source() % 8))) % kClasses;
    --confusion[label * kClasses + label];
    ++confusion[label * kClasses + other];
  }
  accuracy.mutable_confusion()->Assign(confusion.begin(), confusion.end());
}

void FillLatency(double p50_ms, uint32_t seed, v1::Latency& latency) {
  std::mt19937 random(seed);
  std::lognormal_distribution<double> noise(0, 0.05);
  for (int run = 0; run < 200; ++run) {
    latency.add_samples_ms(
        static_cast<float>(p50_ms * noise(random) * (random() % 40 == 0 ? 1.8 : 1)));
  }
  latency.set_p50_ms(p50_ms);
  latency.set_p90_ms(p50_ms * 1.08);
  latency.set_p99_ms(p50_ms * 1.8);
  latency.set_float_p50_ms(0.0091);
  latency.set_ratio(p50_ms / latency.float_p50_ms());
  latency.set_runtime("XNNPACK");
}

}  // namespace

v1::VariantReport SampleVariant(const SampleFigures& figures) {
  v1::VariantReport variant;
  variant.mutable_spec()->set_name(figures.name);
  variant.mutable_spec()->set_scheme(figures.scheme);
  variant.set_state(v1::VariantReport::STATE_SUCCEEDED);
  v1::Artifact& artifact = *variant.mutable_artifact();
  artifact.set_file_name(figures.name + ".tflite");
  artifact.set_size_bytes(figures.bytes);
  artifact.set_gzip_size_bytes(figures.bytes * 9 / 10);
  artifact.set_digest(absl::StrCat(
      absl::Hex(static_cast<uint64_t>(figures.bytes) * 0x9e3779b97f4a7c15u, absl::kZeroPad16),
      "5d3c1f0e8b7a69584736251403f2e1d0c9b8a79685746352"));
  v1::Accuracy& accuracy = *variant.mutable_accuracy();
  accuracy.set_examples(kClasses * kExamplesOfClass);
  accuracy.set_classes(kClasses);
  accuracy.set_top1(figures.top1);
  accuracy.set_top5(0.9997);
  accuracy.set_top1_low(figures.top1 - 0.0030);
  accuracy.set_top1_high(figures.top1 + 0.0026);
  FillConfusion(figures.top1, static_cast<uint32_t>(figures.bytes), accuracy);
  v1::Fidelity& fidelity = *variant.mutable_fidelity();
  fidelity.set_examples(accuracy.examples());
  fidelity.set_sqnr_db(figures.sqnr_db);
  fidelity.set_cosine(std::isinf(figures.sqnr_db) ? 1 : 0.99997);
  fidelity.set_argmax_agreement(std::isinf(figures.sqnr_db) ? 1 : 0.9992);
  fidelity.set_max_abs_error(std::isinf(figures.sqnr_db) ? 0 : 0.31);
  FillLatency(figures.p50_ms, static_cast<uint32_t>(figures.bytes), *variant.mutable_latency());
  variant.mutable_memory()->set_peak_bytes(figures.bytes * 3);
  variant.set_quantize_seconds(0.4);
  variant.set_evaluate_seconds(1.2);
  for (const char* type : {"RESHAPE", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"}) {
    v1::OperatorReport& op = *variant.add_operators();
    op.set_index(variant.operators_size() - 1);
    op.set_type(type);
    op.set_name(absl::StrCat("sequential_1/layer_", op.index(), "/", type));
    op.set_quantized(figures.scheme == v1::SCHEME_INT8 || figures.scheme == v1::SCHEME_INT16X8);
    op.set_note(op.quantized() ? "int8 per channel"
                               : "float: this scheme leaves activations float");
  }
  for (auto* tensors : {variant.mutable_inputs(), variant.mutable_outputs()}) {
    v1::TensorInfo& tensor = *tensors->Add();
    tensor.set_name("tensor");
    tensor.set_type(figures.scheme == v1::SCHEME_INT8 ? "INT8" : "FLOAT32");
    tensor.set_scale(figures.scheme == v1::SCHEME_INT8 ? 0.00392157 : 0);
  }
  return variant;
}

v1::Report SampleReport() {
  v1::Report report;
  CHECK(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        create_time { seconds: 1790000000 }
        octavo_version: "0.1.0"
        engine_build: "1f5a2c00d3b1"
        cpu_class: "avx512vnni"
        cpu_model: "AMD EPYC 9755 128-Core Processor"
        model {
          format: "tflite"
          size_bytes: 85372
          digest: "8a4f2b1c9d0e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
          inputs {
            name: "serving_default_keras_tensor:0"
            type: "FLOAT32"
            shape: [ -1, 28, 28 ]
          }
          outputs {
            name: "StatefulPartitionedCall_1:0"
            type: "FLOAT32"
            shape: [ -1, 10 ]
          }
          operators { name: "RESHAPE" version: 1 count: 2 }
          operators { name: "CONV_2D" version: 1 count: 1 }
          operators { name: "MAX_POOL_2D" version: 1 count: 1 }
          operators { name: "FULLY_CONNECTED" version: 1 count: 1 }
          parameters: 20410
          constant_bytes: 81640
          tensors: 14
          is_float: true
        }
        calibration {
          name: "datasets/mnist-calib"
          digest: "11aa22bb33cc44dd55ee66ff77008899aabbccddeeff00112233445566778899"
          bindings { input: "serving_default_keras_tensor:0" arrays: "calib_images" }
          examples: 100
        }
        evaluation {
          name: "datasets/mnist-test"
          digest: "11aa22bb33cc44dd55ee66ff77008899aabbccddeeff00112233445566778899"
          bindings { input: "serving_default_keras_tensor:0" arrays: "test_images" }
          labels: "test_labels"
          examples: 10000
        }
        spec {
          model: "models/mnist-cnn-7d2f"
          calibration {
            dataset: "datasets/mnist-calib"
            bindings { arrays: "calib_images" }
            max_examples: 100
          }
          evaluation {
            dataset: "datasets/mnist-test"
            bindings { arrays: "test_images" }
          }
          preprocess { scale: 0.003921569 }
          all_variants: true
          goals { max_drop_points: 0.5 max_size_ratio: 0.3 }
        }
        wall_seconds: 9.4
        cpu_seconds: 14.1
        peak_memory_bytes: 61000000
      )pb",
      &report));
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const SampleFigures& figures : std::vector<SampleFigures>{
           {"float32", v1::SCHEME_FLOAT32, 85372, 0.9790, kInfinity, 0.0091},
           {"float16", v1::SCHEME_FLOAT16, 45240, 0.9791, 76.22, 0.0092},
           {"dynamic-int8", v1::SCHEME_DYNAMIC_INT8, 24720, 0.9789, 46.81, 0.0082},
           {"int8", v1::SCHEME_INT8, 25360, 0.9784, 41.75, 0.0080},
           {"int8-int8io", v1::SCHEME_INT8, 25048, 0.9784, 41.75, 0.0075},
           {"int8-uint8io", v1::SCHEME_INT8, 25376, 0.9784, 41.75, 0.0078},
           {"int16x8", v1::SCHEME_INT16X8, 25824, 0.9788, 46.67, 0.288}}) {
    *report.add_variants() = SampleVariant(figures);
  }
  v1::VariantReport& failed = *report.add_variants();
  failed.mutable_spec()->set_name("int8-keep-dense");
  failed.mutable_spec()->set_scheme(v1::SCHEME_INT8);
  failed.set_state(v1::VariantReport::STATE_FAILED);
  failed.mutable_error()->set_code(3);
  failed.mutable_error()->set_message("calibration example 3: tensor 'conv_2/Relu' is not finite");
  v1::VariantReport& skipped = *report.add_variants();
  skipped.mutable_spec()->set_name("int4-blockwise");
  skipped.set_state(v1::VariantReport::STATE_SKIPPED);
  skipped.set_skip_reason(
      "the model's FULLY_CONNECTED has 2028 inputs, which no block size divides");
  return report;
}

}  // namespace octavo
