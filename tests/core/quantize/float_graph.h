// Small float models, built by hand for the tests of calibration and quantization.

#ifndef OCTAVO_TESTS_CORE_QUANTIZE_FLOAT_GRAPH_H_
#define OCTAVO_TESTS_CORE_QUANTIZE_FLOAT_GRAPH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

class FloatGraph {
 public:
  FloatGraph();

  TensorIndex Input(const std::string& name, Shape shape);
  TensorIndex Constant(const std::string& name, Shape shape, const std::vector<float>& values);
  TensorIndex Int32Constant(const std::string& name, Shape shape,
                            const std::vector<int32_t>& values);

  // Adds an operator with one output, a float activation of this name and shape.
  TensorIndex Op(schema::BuiltinOperator type, const std::vector<TensorIndex>& inputs,
                 const std::string& output, Shape shape,
                 schema::TensorType output_type = schema::TensorType_FLOAT32);
  template <typename Options>
  TensorIndex Op(schema::BuiltinOperator type, Options options,
                 const std::vector<TensorIndex>& inputs, const std::string& output, Shape shape,
                 schema::TensorType output_type = schema::TensorType_FLOAT32) {
    const TensorIndex tensor = Op(type, inputs, output, std::move(shape), output_type);
    model_.graph().operators.back()->builtin_options.Set(std::move(options));
    return tensor;
  }
  // A 1x1 convolution, stride 1, that multiplies channel i of [1, 2, 2, n] by factors[i]. `bias`
  // may be empty: none.
  TensorIndex Conv(TensorIndex input, const std::vector<float>& factors,
                   const std::vector<float>& bias, const std::string& output);

  void Output(TensorIndex tensor);
  // With a signature that names the inputs and outputs like their tensors.
  Model Build() const;

 private:
  TensorIndex Add(const std::string& name, Shape shape, schema::TensorType type, SharedBytes bytes);

  Model model_;
};

// The tensor of this name; aborts where there is none, or several.
TensorIndex FindTensor(const Model& model, const std::string& name);
// The operator that gives this tensor its values; aborts where there is none.
const schema::OperatorT& MakerOf(const Model& model, TensorIndex tensor);
// "QUANTIZE CONV_2D DEQUANTIZE".
std::string OperatorNames(const Model& model);
// Written and read again, which validates it.
Model WrittenAndRead(const Model& model);

}  // namespace octavo

#endif  // OCTAVO_TESTS_CORE_QUANTIZE_FLOAT_GRAPH_H_
