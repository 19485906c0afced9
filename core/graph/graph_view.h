// Who makes and who uses each tensor of the main subgraph.

#ifndef OCTAVO_CORE_GRAPH_GRAPH_VIEW_H_
#define OCTAVO_CORE_GRAPH_GRAPH_VIEW_H_

#include <span>
#include <vector>

#include "core/tflite/model.h"

namespace octavo {

// Of the model as it was when this was made.
class GraphView {
 public:
  explicit GraphView(const Model& model);

  // Position of the operator that makes `tensor`; -1: none does (an input, a constant).
  int ProducerOf(TensorIndex tensor) const { return tensors_[static_cast<int>(tensor)].producer; }
  // Positions of the operators that take `tensor`, ascending, each once.
  std::span<const int> ConsumersOf(TensorIndex tensor) const {
    return tensors_[static_cast<int>(tensor)].consumers;
  }
  bool IsGraphInput(TensorIndex tensor) const {
    return tensors_[static_cast<int>(tensor)].is_graph_input;
  }
  bool IsGraphOutput(TensorIndex tensor) const {
    return tensors_[static_cast<int>(tensor)].is_graph_output;
  }

 private:
  struct TensorUse {
    int producer = -1;
    std::vector<int> consumers;
    bool is_graph_input = false;
    bool is_graph_output = false;
  };
  std::vector<TensorUse> tensors_;
};

}  // namespace octavo

#endif  // OCTAVO_CORE_GRAPH_GRAPH_VIEW_H_
