// Small models, built operator by operator.

#ifndef OCTAVO_TESTS_TESTING_MODEL_BUILDER_H_
#define OCTAVO_TESTS_TESTING_MODEL_BUILDER_H_

#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

// For operators whose options the format leaves out.
struct WithoutOptions {};

// ModelBuilder builder;
// const TensorIndex x = builder.Input("x", {1, 4});
// const TensorIndex y = builder.Relu(x) ... builder.Output(y); builder.Build().
class ModelBuilder {
 public:
  ModelBuilder();

  TensorIndex Input(std::string name, Shape shape,
                    schema::TensorType type = schema::TensorType_FLOAT32);
  // One that an operator is to make.
  TensorIndex Tensor(std::string name, Shape shape,
                     schema::TensorType type = schema::TensorType_FLOAT32);
  TensorIndex Floats(std::string name, Shape shape, const std::vector<float>& values);
  TensorIndex Ints(std::string name, const std::vector<int32_t>& values);
  template <typename T>
  TensorIndex Constant(std::string name, Shape shape, schema::TensorType type,
                       const std::vector<T>& values) {
    return Add(std::move(name), std::move(shape), type,
               SharedBytes::OwnValues(std::span<const T>(values)));
  }

  // Adds an operator and gives it, for what is special about it.
  template <typename Options = WithoutOptions>
  schema::OperatorT& Op(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
                        const std::vector<TensorIndex>& outputs, Options options = {}) {
    schema::OperatorT& op = AddOp(type, inputs, outputs);
    if constexpr (!std::is_same_v<Options, WithoutOptions>) {
      op.builtin_options.Set(std::move(options));
    }
    return op;
  }

  void Output(TensorIndex tensor) {
    model_.graph().outputs.push_back(static_cast<int32_t>(tensor));
  }

  Model& model() { return model_; }
  Model Build() const { return model_; }

 private:
  TensorIndex Add(std::string name, Shape shape, schema::TensorType type, SharedBytes bytes);
  schema::OperatorT& AddOp(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
                           const std::vector<TensorIndex>& outputs);

  Model model_;
};

// y = relu(weights * x + bias), x of [batch open, 2], weights of [3, 2]: "x", "weights", "bias",
// "y".
Model TinyDense();

// y = name(x) of a custom operator.
Model WithCustomOperator(std::string name);

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_MODEL_BUILDER_H_
