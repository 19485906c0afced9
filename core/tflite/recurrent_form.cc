#include "core/tflite/recurrent_form.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/base/error_reason.h"
#include "core/base/status_macros.h"

namespace octavo {
namespace {

absl::Status Require(bool holds, absl::string_view problem) {
  return holds ? absl::OkStatus() : absl::InvalidArgumentError(problem);
}

// The inputs of one operator.
struct RecurrentInputs {
  const Model& model;
  const schema::OperatorT& op;

  bool Has(int position) const { return InputOf(op, position) != kNoTensor; }
  const schema::TensorT& Tensor(int position) const { return model.tensor(InputOf(op, position)); }
  const Shape& ShapeAt(int position) const { return Tensor(position).shape; }

  absl::Status RequireShape(int position, const Shape& shape) const {
    RETURN_IF_ERROR(Require(Has(position), absl::StrCat("input ", position, " is missing")));
    return Require(ShapeAt(position) == shape,
                   absl::StrCat("input ", position, " is ", ShapeText(ShapeAt(position)),
                                ", expected ", ShapeText(shape)));
  }

  // Rows of input `position` are as long as the input's.
  absl::StatusOr<int32_t> RowsOf(int position, const Sequence& input) const {
    RETURN_IF_ERROR(Require(Has(position), absl::StrCat("input ", position, " is missing")));
    const Shape& shape = ShapeAt(position);
    RETURN_IF_ERROR(Require(shape.size() == 2 && shape[0] > 0 && shape[1] == input.depth,
                            absl::StrCat("input ", position, " is ", ShapeText(shape),
                                         ", its rows are to have ", input.depth, " values")));
    return shape[0];
  }

  absl::Status RequireState(int position, int64_t size) const {
    RETURN_IF_ERROR(Require(Has(position), absl::StrCat("input ", position, " is missing")));
    const schema::TensorT& state = Tensor(position);
    RETURN_IF_ERROR(
        Require(state.is_variable, absl::StrCat("input ", position, " is no variable tensor")));
    return Require(
        NumElements(state.shape) == size,
        absl::StrCat("the state ", ShapeText(state.shape), " has not ", size, " values"));
  }

  absl::StatusOr<Sequence> ReadStep() const {
    const Shape& shape = ShapeAt(0);
    RETURN_IF_ERROR(Require(shape.size() == 2 && std::ranges::min(shape) > 0,
                            "the input is not [batch, values]"));
    return Sequence{.batch = shape[0], .depth = shape[1]};
  }

  absl::StatusOr<Sequence> ReadSequence(bool time_major) const {
    const Shape& shape = ShapeAt(0);
    RETURN_IF_ERROR(Require(shape.size() == 3 && std::ranges::min(shape) > 0,
                            "the input is not of batch, steps and values"));
    Sequence sequence{shape[0], shape[1], shape[2], time_major};
    if (time_major) std::swap(sequence.batch, sequence.steps);
    return sequence;
  }

  // The input's, with another number of values a row.
  Shape OutputShape(int32_t values) const {
    Shape shape = ShapeAt(0);
    shape.back() = values;
    return shape;
  }
};

int At(int first, LstmGate gate) { return first + static_cast<int>(gate); }

// All of these inputs are there, or none is.
absl::StatusOr<bool> AllOrNone(const RecurrentInputs& inputs, std::initializer_list<int> positions,
                               absl::string_view what) {
  const bool has = inputs.Has(*positions.begin());
  for (const int position : positions) {
    RETURN_IF_ERROR(
        Require(inputs.Has(position) == has, absl::StrCat("some ", what, " are missing")));
  }
  return has;
}

absl::StatusOr<Sequence> ReadLstmInput(const RecurrentInputs& inputs) {
  if (const auto* sequence = inputs.op.builtin_options.AsUnidirectionalSequenceLSTMOptions()) {
    return inputs.ReadSequence(sequence->time_major);
  }
  const auto* step = inputs.op.builtin_options.AsLSTMOptions();
  RETURN_IF_ERROR(Require(step != nullptr, "there are no options"));
  if (step->kernel_type != schema::LSTMKernelType_FULL) {
    return WithReason(absl::FailedPreconditionError("another LSTM kernel than FULL"),
                      "OP_UNSUPPORTED", {{"operator", "LSTM"}});
  }
  return inputs.ReadStep();
}

// Which optional inputs there are.
absl::Status ReadLstmParts(const RecurrentInputs& inputs, LstmForm& form) {
  ASSIGN_OR_RETURN(form.has_input_gate,
                   AllOrNone(inputs, {kLstmInputWeights, kLstmRecurrentWeights, kLstmBias},
                             "of the input gate's weights"));
  ASSIGN_OR_RETURN(form.has_peephole,
                   AllOrNone(inputs, {kLstmPeephole + 1, kLstmPeephole + 2}, "peephole weights"));
  RETURN_IF_ERROR(Require(inputs.Has(kLstmPeephole) == (form.has_input_gate && form.has_peephole),
                          "the peephole weights are not those of the gates"));
  ASSIGN_OR_RETURN(form.has_norm, AllOrNone(inputs, {kLstmNorm + 1, kLstmNorm + 2, kLstmNorm + 3},
                                            "normalization coefficients"));
  RETURN_IF_ERROR(Require(inputs.Has(kLstmNorm) == (form.has_input_gate && form.has_norm),
                          "the normalization coefficients are not those of the gates"));
  form.has_projection = inputs.Has(kLstmProjection);
  return Require(form.has_projection || !inputs.Has(kLstmProjectionBias),
                 "there is a bias and no projection");
}

absl::Status CheckLstmShapes(const RecurrentInputs& inputs, const LstmForm& form) {
  const auto cells = static_cast<int32_t>(form.cells);
  const auto depth = static_cast<int32_t>(form.input.depth);
  const auto outputs = static_cast<int32_t>(form.outputs);
  const Shape recurrent = form.has_diagonal ? Shape{cells} : Shape{cells, outputs};
  for (int gate = form.has_input_gate ? 0 : 1; gate < 4; ++gate) {
    RETURN_IF_ERROR(inputs.RequireShape(kLstmInputWeights + gate, {cells, depth}));
    RETURN_IF_ERROR(inputs.RequireShape(kLstmRecurrentWeights + gate, recurrent));
    RETURN_IF_ERROR(inputs.RequireShape(kLstmBias + gate, {cells}));
    if (form.has_norm) RETURN_IF_ERROR(inputs.RequireShape(kLstmNorm + gate, {cells}));
  }
  for (int gate = form.has_input_gate ? 0 : 1; form.has_peephole && gate < 3; ++gate) {
    RETURN_IF_ERROR(inputs.RequireShape(kLstmPeephole + gate, {cells}));
  }
  if (form.has_projection) {
    RETURN_IF_ERROR(inputs.RequireShape(kLstmProjection, {outputs, cells}));
  }
  if (inputs.Has(kLstmProjectionBias)) {
    RETURN_IF_ERROR(inputs.RequireShape(kLstmProjectionBias, {outputs}));
  }
  RETURN_IF_ERROR(inputs.RequireState(kLstmOutputState, form.input.batch * form.outputs));
  return inputs.RequireState(kLstmCellState, form.input.batch * form.cells);
}

// A projection hides how many values are computed: as many as a graph of the single steps had in
// one tensor.
absl::Status CheckUnrolled(const Sequence& input, int64_t values) {
  constexpr int64_t kMost = int64_t{1} << 28;
  const std::optional<int64_t> all =
      NumElements(Shape{static_cast<int32_t>(input.batch), static_cast<int32_t>(input.steps),
                        static_cast<int32_t>(values)});
  return Require(all.has_value() && *all <= kMost, "there are too many steps of so many cells");
}

}  // namespace

absl::StatusOr<LstmForm> ReadLstmForm(const Model& model, const schema::OperatorT& op) {
  const RecurrentInputs inputs{model, op};
  LstmForm form;
  ASSIGN_OR_RETURN(form.input, ReadLstmInput(inputs));
  RETURN_IF_ERROR(
      Require((op.inputs.size() == 20 || op.inputs.size() == 24) && op.outputs.size() == 1,
              "there are not 20 or 24 inputs and one output"));
  RETURN_IF_ERROR(ReadLstmParts(inputs, form));
  ASSIGN_OR_RETURN(form.cells, inputs.RowsOf(At(kLstmInputWeights, LstmGate::kOutput), form.input));
  const int recurrent = At(kLstmRecurrentWeights, LstmGate::kOutput);
  RETURN_IF_ERROR(Require(inputs.Has(recurrent), "there are no recurrent weights"));
  // LiteRT goes by their rank, whatever the options say.
  form.has_diagonal = op.builtin_options.AsUnidirectionalSequenceLSTMOptions() != nullptr &&
                      inputs.ShapeAt(recurrent).size() == 1;
  form.outputs = form.cells;
  if (form.has_projection) {
    const Shape& projection = inputs.ShapeAt(kLstmProjection);
    RETURN_IF_ERROR(Require(projection.size() == 2 && projection[0] > 0,
                            "the projection is not [outputs, cells]"));
    form.outputs = projection[0];
    // LiteRT writes behind its memory there.
    RETURN_IF_ERROR(
        Require(form.outputs <= form.cells, "the projection has more outputs than cells"));
  }
  RETURN_IF_ERROR(Require(!form.has_diagonal || form.outputs == form.cells,
                          "diagonal recurrent weights of a projection to another size"));
  RETURN_IF_ERROR(CheckLstmShapes(inputs, form));
  RETURN_IF_ERROR(CheckUnrolled(form.input, form.cells));
  form.output_shape = inputs.OutputShape(static_cast<int32_t>(form.outputs));
  return form;
}

absl::StatusOr<RnnForm> ReadRnnForm(const Model& model, const schema::OperatorT& op) {
  const RecurrentInputs inputs{model, op};
  RnnForm form;
  const auto* sequence = op.builtin_options.AsSequenceRNNOptions();
  ASSIGN_OR_RETURN(form.input, sequence == nullptr ? inputs.ReadStep()
                                                   : inputs.ReadSequence(sequence->time_major));
  ASSIGN_OR_RETURN(const int32_t units, inputs.RowsOf(1, form.input));
  form.units = units;
  RETURN_IF_ERROR(inputs.RequireShape(2, {units, units}));
  RETURN_IF_ERROR(inputs.RequireShape(3, {units}));
  RETURN_IF_ERROR(inputs.RequireState(4, form.input.batch * form.units));
  form.output_shape = inputs.OutputShape(units);
  return form;
}

absl::StatusOr<SvdfForm> ReadSvdfForm(const Model& model, const schema::OperatorT& op) {
  const RecurrentInputs inputs{model, op};
  SvdfForm form;
  RETURN_IF_ERROR(Require(op.inputs.size() == 5, "there are not 5 inputs"));
  ASSIGN_OR_RETURN(form.input, inputs.ReadStep());
  ASSIGN_OR_RETURN(const int32_t filters, inputs.RowsOf(1, form.input));
  const auto* options = op.builtin_options.AsSVDFOptions();
  form.rank = options == nullptr ? 0 : options->rank;
  RETURN_IF_ERROR(Require(form.rank > 0 && filters % form.rank == 0,
                          absl::StrCat(filters, " filters of rank ", form.rank)));
  form.units = filters / form.rank;
  const Shape& time = inputs.ShapeAt(2);
  RETURN_IF_ERROR(Require(time.size() == 2 && time[0] == filters && time[1] > 0,
                          "the weights of time are not [filters, memory]"));
  form.memory = time[1];
  const auto units = static_cast<int32_t>(form.units);
  if (inputs.Has(3)) RETURN_IF_ERROR(inputs.RequireShape(3, {units}));
  // A memory of 2^31 steps for as many filters and examples would overflow.
  const std::optional<int64_t> state =
      NumElements(Shape{static_cast<int32_t>(form.input.batch), filters, time[1]});
  RETURN_IF_ERROR(Require(state.has_value(), "the state is too large"));
  RETURN_IF_ERROR(inputs.RequireState(4, *state));
  RETURN_IF_ERROR(CheckUnrolled(form.input, filters));
  form.output_shape = inputs.OutputShape(units);
  return form;
}

}  // namespace octavo
