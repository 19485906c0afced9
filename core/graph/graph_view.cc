#include "core/graph/graph_view.h"

namespace octavo {

GraphView::GraphView(const Model& model) : tensors_(model.graph().tensors.size()) {
  const schema::SubGraphT& graph = model.graph();
  for (const int32_t tensor : graph.inputs) tensors_[tensor].is_graph_input = true;
  for (const int32_t tensor : graph.outputs) tensors_[tensor].is_graph_output = true;
  for (int position = 0; position < static_cast<int>(graph.operators.size()); ++position) {
    const schema::OperatorT& op = *graph.operators[position];
    for (const int32_t tensor : op.inputs) {
      if (tensor < 0) continue;
      std::vector<int>& consumers = tensors_[tensor].consumers;
      if (consumers.empty() || consumers.back() != position) consumers.push_back(position);
    }
    for (const int32_t tensor : op.outputs) tensors_[tensor].producer = position;
  }
}

}  // namespace octavo
