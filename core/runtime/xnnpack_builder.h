// Operators in a row as one XNNPACK subgraph, from definition to run.

#ifndef OCTAVO_CORE_RUNTIME_XNNPACK_BUILDER_H_
#define OCTAVO_CORE_RUNTIME_XNNPACK_BUILDER_H_

#include <xnnpack.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/runtime/tensor_buffer.h"
#include "core/runtime/weighted_operators.h"
#include "core/tflite/model.h"

namespace octavo {

// Once a process; further calls give the first one's status.
absl::Status InitializeXnnpack();

// A subgraph while its nodes are defined. The first error stays, what follows is ignored.
class XnnpackBuilder {
 public:
  XnnpackBuilder(const Model& model, std::span<const TensorIndex> inputs,
                 std::span<const TensorIndex> outputs);
  ~XnnpackBuilder();
  XnnpackBuilder(const XnnpackBuilder&) = delete;
  XnnpackBuilder& operator=(const XnnpackBuilder&) = delete;

  // The value of an activation or of a constant operand, defined at its first use.
  uint32_t Value(TensorIndex tensor);
  uint32_t Constant(const PackedConstant& constant);
  // A value between two nodes of one operator: `tensor`'s type and quantization in other
  // dimensions.
  uint32_t Reshaped(TensorIndex tensor, std::span<const size_t> dims);
  // Takes what a define function returned.
  void Check(xnn_status status);
  xnn_subgraph_t subgraph() { return subgraph_; }

 private:
  friend class XnnpackPart;

  uint32_t Define(const schema::TensorT& tensor, std::span<const size_t> dims, const void* data,
                  uint32_t external_id, uint32_t flags);

  const Model& model_;
  xnn_subgraph_t subgraph_ = nullptr;
  xnn_status status_ = xnn_status_success;
  absl::Status memory_status_;
  std::map<TensorIndex, uint32_t> external_ids_;  // and flags beside them
  std::map<TensorIndex, uint32_t> external_flags_;
  std::map<TensorIndex, uint32_t> values_;
  std::vector<TensorBuffer> operands_;  // read at each run
  std::vector<TensorBuffer> packed_;    // read when the runtime is made
  std::vector<std::unique_ptr<std::vector<float>>> scales_;
};

// Defines the nodes of one operator, which was checked before: a failure means that XNNPACK has yet
// another rule.
using DefineNode = std::function<void(XnnpackBuilder& builder)>;

// A subgraph, ready to run. Not thread-safe.
class XnnpackPart {
 public:
  // `inputs` are read and `outputs` written in memory that Bind names; every other tensor lives
  // inside. UNIMPLEMENTED: XNNPACK refuses a node. RESOURCE_EXHAUSTED: no memory.
  static absl::StatusOr<XnnpackPart> Create(const Model& model, std::span<const DefineNode> nodes,
                                            std::vector<TensorIndex> inputs,
                                            std::vector<TensorIndex> outputs);

  // `data(tensor)` gives the memory of an input or output, 16 readable bytes behind it.
  absl::Status Bind(const std::function<uint8_t*(TensorIndex)>& data);
  absl::Status Run();

  const std::vector<TensorIndex>& inputs() const { return inputs_; }
  const std::vector<TensorIndex>& outputs() const { return outputs_; }

 private:
  struct DeleteRuntime {
    void operator()(xnn_runtime* runtime) const { xnn_delete_runtime(runtime); }
  };

  XnnpackPart() = default;

  std::vector<TensorIndex> inputs_;
  std::vector<TensorIndex> outputs_;
  std::vector<TensorBuffer> operands_;
  std::vector<std::unique_ptr<std::vector<float>>> scales_;
  std::unique_ptr<xnn_runtime, DeleteRuntime> runtime_;  // last: goes first
};

}  // namespace octavo

#endif  // OCTAVO_CORE_RUNTIME_XNNPACK_BUILDER_H_
