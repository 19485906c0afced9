// Runs a model: XNNPACK subgraphs, and own kernels where XNNPACK has none.

#ifndef OCTAVO_CORE_RUNTIME_EXECUTOR_H_
#define OCTAVO_CORE_RUNTIME_EXECUTOR_H_

#include <memory>
#include <span>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/tflite/model.h"
#include "core/tflite/tensor_value.h"

namespace octavo {

enum class Backend {
  kXnnpack,    // what XNNPACK has; the rest by own kernels
  kReference,  // own kernels only: the plain reading of the specification
};

struct ExecutorOptions {
  Backend backend = Backend::kXnnpack;
  // Every activation can be looked at; costs up to a quarter of the time.
  bool tap_activations = false;
};

// Lets XNNPACK look at the processor, for which it opens files. Executors do it too; a process that
// is to lose its right to open files calls it before. INTERNAL or RESOURCE_EXHAUSTED: XNNPACK does
// not start.
absl::Status InitializeRuntime();

// Whether there is somebody to run each operator of `model`, whose shapes are fixed, in its types,
// without packing weights. FAILED_PRECONDITION (OP_UNSUPPORTED), naming the operator.
absl::Status CheckRunnable(const Model& model);

// One model, ready to run. Not thread-safe: one thread at a time; threads have executors of their
// own.
class Executor {
 public:
  // Called once a run for each tensor that an operator of the model (or the caller) gives a value.
  using Tap = absl::FunctionRef<absl::Status(TensorIndex tensor, const TensorView& value)>;

  // `model` has fixed shapes (graph/fix_shapes.h); its constants are shared, not copied, where
  // XNNPACK allows. FAILED_PRECONDITION (OP_UNSUPPORTED), naming the operator: neither XNNPACK nor
  // we have it in these types.
  static absl::StatusOr<Executor> Create(const Model& model, const ExecutorOptions& options);

  Executor(Executor&&) noexcept;
  Executor& operator=(Executor&&) noexcept;
  ~Executor();

  // One run. `inputs` in the order of the model's inputs, of their types and shapes
  // (INVALID_ARGUMENT if not).
  absl::Status Run(std::span<const TensorView> inputs);
  // The same, and shows every activation to `tap` afterwards, inputs and outputs included, in the
  // order of their places. Needs `tap_activations`. An error of `tap` ends the run.
  absl::Status Run(std::span<const TensorView> inputs, Tap tap);

  // What the last run gave; valid until the next.
  TensorView Output(int position) const;
  int num_outputs() const;

  // What runs it: "XNNPACK", "own kernels", or "XNNPACK + own kernels (SOFTMAX, AVERAGE_POOL_2D)".
  const std::string& runtime() const;

 private:
  struct State;
  explicit Executor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_EXECUTOR_H_
