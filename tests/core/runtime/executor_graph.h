// Small models, built by hand for the tests of the executor.

#ifndef OCTAVO_TESTS_CORE_RUNTIME_EXECUTOR_GRAPH_H_
#define OCTAVO_TESTS_CORE_RUNTIME_EXECUTOR_GRAPH_H_

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

// Scale and zero point; no scale: none. Several scales are per channel along `axis`.
struct Quantization {
  std::vector<float> scales = {};
  int64_t zero_point = 0;
  int axis = 0;
};

// For operators whose options the format leaves out.
struct NoOptions {};

class GraphBuilder {
 public:
  GraphBuilder();

  TensorIndex Input(schema::TensorType type, Shape shape, Quantization quantization = {});
  TensorIndex Tensor(schema::TensorType type, Shape shape, Quantization quantization = {});
  template <typename T>
  TensorIndex Constant(schema::TensorType type, Shape shape, const std::vector<T>& values,
                       Quantization quantization = {}) {
    return Add(type, std::move(shape), std::move(quantization),
               SharedBytes::OwnValues<T>(std::span<const T>(values)));
  }

  template <typename Options = NoOptions>
  void Op(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
          const std::vector<TensorIndex>& outputs, Options options = {}) {
    schema::OperatorT* op = AddOp(type, inputs, outputs);
    if constexpr (!std::is_same_v<Options, NoOptions>) op->builtin_options.Set(std::move(options));
  }

  void Output(TensorIndex tensor);
  Model Build() const { return model_; }

 private:
  TensorIndex Add(schema::TensorType type, Shape shape, Quantization quantization,
                  SharedBytes bytes);
  schema::OperatorT* AddOp(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
                           const std::vector<TensorIndex>& outputs);

  Model model_;
};

// Values for a tensor: floats of a normal distribution, codes of its whole range.
TensorValue RandomValue(const schema::TensorT& tensor, std::mt19937& random);
std::vector<TensorValue> RandomInputs(const Model& model, std::mt19937& random);
std::vector<TensorView> ViewsOf(const std::vector<TensorValue>& values);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_RUNTIME_EXECUTOR_GRAPH_H_
