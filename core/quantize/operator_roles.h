// What an operator's tensors are to quantization: activations, weights, bias, or none of these.

#ifndef OCTAVO_CORE_QUANTIZE_OPERATOR_ROLES_H_
#define OCTAVO_CORE_QUANTIZE_OPERATOR_ROLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/quantize/quant_params.h"
#include "core/tflite/model.h"
#include "core/tflite/operator_table.h"

namespace octavo {

// Null where the table has no row.
const OperatorRow* RowOf(const Model& model, const schema::OperatorT& op);

bool IsFloat(const Model& model, TensorIndex tensor);
bool IsFloatConstant(const Model& model, TensorIndex tensor);
bool IsFloatActivation(const Model& model, TensorIndex tensor);

// Positions, rising, of the float inputs that are activations to an operator of this row, constants
// among them.
std::vector<int> ActivationPositions(const Model& model, const schema::OperatorT& op,
                                     const OperatorRow& row);
std::vector<TensorIndex> FloatOutputs(const Model& model, const schema::OperatorT& op);

// The model's inputs, then its outputs.
std::vector<int32_t> BorderTensors(const Model& model);

// Whether an operator of this row has weights that int8 could hold.
bool HasWeights(const OperatorRow& row);

// Why the weights of `op` cannot be stored in int8 per channel, in a reader's words; empty where
// they can.
std::string WeightsProblem(const Model& model, const schema::OperatorT& op, const OperatorRow& row);

// How weights are stored: symmetric, [-127, 127] or [-7, 7], a scale a channel or, of
// FULLY_CONNECTED, a block of 32.
enum class WeightType { kInt8, kInt4, kInt4Blocks };
schema::TensorType StoredType(WeightType type);
absl::string_view NameOf(WeightType type);

// Whether blocks can hold the weights of `op`, which have no other problem.
bool FitsBlocks(const Model& model, const schema::OperatorT& op, const OperatorRow& row);

// Parameters of the weights, which have no problem: one scale a channel or block, or one in all.
// Channels that int8 holds in the scale that they were trained in keep it: that costs nothing.
QuantParams WeightParams(const Model& model, const schema::OperatorT& op, const OperatorRow& row,
                         WeightType type = WeightType::kInt8, bool per_channel = true);

// INVALID_ARGUMENT (NOT_FINITE), naming the tensor: a float constant with a NaN or infinite value.
absl::Status CheckFinite(const Model& model, TensorIndex constant);

}  // namespace octavo

#endif  // OCTAVO_CORE_QUANTIZE_OPERATOR_ROLES_H_
