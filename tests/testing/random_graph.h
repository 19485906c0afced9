// Random float models of the operator table's operators, valid by construction.

#ifndef OCTAVO_TESTS_TESTING_RANDOM_GRAPH_H_
#define OCTAVO_TESTS_TESTING_RANDOM_GRAPH_H_

#include <random>
#include <vector>

#include "core/calibrate/range.h"
#include "core/tflite/model.h"

namespace octavo {

struct RandomModel {
  Model model;
  // Of its inputs' values.
  Range range;
};

// Those that there is a RandomOperator of, in the order of their numbers: the operator table's but
// for QUANTIZE and DEQUANTIZE, which no float model has.
std::vector<schema::BuiltinOperator> RandomOperatorTypes();

// One operator on random shapes, with random options and constants.
RandomModel RandomOperator(schema::BuiltinOperator type, std::mt19937& random);

// Any operators, or those that LiteRT's XNNPACK delegate takes in float and in int8.
enum class GraphOperators { kAll, kDelegated };

// Up to `max_operators` operators on one another's outputs.
RandomModel RandomGraph(int max_operators, GraphOperators operators, std::mt19937& random);

// Values for the model's inputs: floats uniform in its range.
std::vector<TensorValue> RandomExample(const RandomModel& random_model, std::mt19937& random);

}  // namespace octavo

#endif  // OCTAVO_TESTS_TESTING_RANDOM_GRAPH_H_
