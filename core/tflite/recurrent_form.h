// The sizes of the recurrent operators, and whether their inputs go together.
//
// Their states are variable tensors: nobody gives them a value, and they are zeros whenever a model
// runs, for examples know nothing of one another. (LiteRT keeps them from run to run until it is
// told to reset them.) So their declared shapes are checked, and there is no memory behind them.

#ifndef OCTAVO_CORE_TFLITE_RECURRENT_FORM_H_
#define OCTAVO_CORE_TFLITE_RECURRENT_FORM_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/tflite/model.h"

namespace octavo {

// The inputs of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM: the first position of each kind. A kind has
// one a gate, in the order of LstmGate; the peephole has none of the cell's.
enum class LstmGate { kInput, kForget, kCell, kOutput };
inline constexpr int kLstmInputWeights = 1;
inline constexpr int kLstmRecurrentWeights = 5;
inline constexpr int kLstmPeephole = 9;
inline constexpr int kLstmBias = 12;
inline constexpr int kLstmProjection = 16;
inline constexpr int kLstmProjectionBias = 17;
inline constexpr int kLstmOutputState = 18;
inline constexpr int kLstmCellState = 19;
inline constexpr int kLstmNorm = 20;

// Rows of `depth` values: [batch, steps, depth], [steps, batch, depth], or [batch, depth].
struct Sequence {
  int64_t batch = 0;
  int64_t steps = 1;
  int64_t depth = 0;
  bool time_major = false;

  // Which row a step of an example is.
  int64_t Row(int64_t example, int64_t step) const {
    return time_major ? step * batch + example : example * steps + step;
  }
};

struct LstmForm {
  Sequence input;
  int64_t cells = 0;
  int64_t outputs = 0;          // as many as cells where there is no projection
  bool has_input_gate = false;  // else it is 1 - the forget gate
  bool has_peephole = false;
  bool has_projection = false;
  bool has_norm = false;
  bool has_diagonal = false;  // recurrent weights of one value a cell
  Shape output_shape = {};
};

struct RnnForm {
  Sequence input;
  int64_t units = 0;
  Shape output_shape = {};
};

struct SvdfForm {
  Sequence input;
  int64_t rank = 0;  // filters of a unit
  int64_t units = 0;
  int64_t memory = 0;  // steps that a filter remembers
  Shape output_shape = {};
};

// Of an operator of the table that was validated, in a model whose shapes are known: every input
// that is there has the shape, and every state is a variable tensor of the shape, that the sizes
// ask for. INVALID_ARGUMENT, saying what does not fit. FAILED_PRECONDITION (OP_UNSUPPORTED): LSTM
// of another kernel than FULL.
absl::StatusOr<LstmForm> ReadLstmForm(const Model& model, const schema::OperatorT& op);
absl::StatusOr<RnnForm> ReadRnnForm(const Model& model, const schema::OperatorT& op);
absl::StatusOr<SvdfForm> ReadSvdfForm(const Model& model, const schema::OperatorT& op);

}  // namespace octavo

#endif  // OCTAVO_CORE_TFLITE_RECURRENT_FORM_H_
