#include "core/runtime/xnnpack_builder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "core/runtime/xnnpack_view.h"

namespace octavo {
namespace {

absl::Status XnnpackError(absl::string_view doing, xnn_status status) {
  const std::string message =
      absl::StrCat("XNNPACK: ", doing, ": status ", static_cast<int>(status));
  if (status == xnn_status_out_of_memory) return absl::ResourceExhaustedError(message);
  return absl::UnimplementedError(message);
}

}  // namespace

absl::Status InitializeXnnpack() {
  static const xnn_status status = xnn_initialize(/*allocator=*/nullptr);
  if (status == xnn_status_success) return absl::OkStatus();
  if (status == xnn_status_out_of_memory) return XnnpackError("initialization", status);
  return absl::InternalError(
      absl::StrCat("XNNPACK: initialization: status ", static_cast<int>(status)));
}

XnnpackBuilder::XnnpackBuilder(const Model& model, std::span<const TensorIndex> inputs,
                               std::span<const TensorIndex> outputs)
    : model_(model) {
  for (TensorIndex tensor : inputs) {
    external_ids_.emplace(tensor, external_ids_.size());
    external_flags_[tensor] |= XNN_VALUE_FLAG_EXTERNAL_INPUT;
  }
  for (TensorIndex tensor : outputs) {
    external_ids_.emplace(tensor, external_ids_.size());
    external_flags_[tensor] |= XNN_VALUE_FLAG_EXTERNAL_OUTPUT;
  }
  Check(xnn_create_subgraph(static_cast<uint32_t>(external_ids_.size()), /*flags=*/0, &subgraph_));
}

XnnpackBuilder::~XnnpackBuilder() {
  if (subgraph_ != nullptr) xnn_delete_subgraph(subgraph_);
}

void XnnpackBuilder::Check(xnn_status status) {
  if (status_ == xnn_status_success) status_ = status;
}

uint32_t XnnpackBuilder::Define(const schema::TensorT& tensor, std::span<const size_t> dims,
                                const void* data, uint32_t external_id, uint32_t flags) {
  uint32_t id = XNN_INVALID_VALUE_ID;
  const std::optional<xnn_datatype> type = XnnpackType(tensor);
  if (!type || status_ != xnn_status_success) {
    Check(xnn_status_unsupported_parameter);
  } else if (*type == xnn_datatype_fp32) {
    Check(xnn_define_tensor_value(subgraph_, *type, dims.size(), dims.data(), data, external_id,
                                  flags, &id));
  } else {
    Check(xnn_define_quantized_tensor_value(subgraph_, *type, ZeroPointOf(tensor), ScaleOf(tensor),
                                            dims.size(), dims.data(), data, external_id, flags,
                                            &id));
  }
  return id;
}

uint32_t XnnpackBuilder::Value(TensorIndex index) {
  if (const auto known = values_.find(index); known != values_.end()) return known->second;
  const schema::TensorT& tensor = model_.tensor(index);
  const void* data = nullptr;
  uint32_t external_id = XNN_INVALID_VALUE_ID;
  uint32_t flags = 0;
  if (const auto external = external_ids_.find(index); external != external_ids_.end()) {
    external_id = external->second;
    flags = external_flags_[index];
  } else if (model_.IsConstant(index)) {
    absl::StatusOr<TensorBuffer> copy = TensorBuffer::Copy(model_.ConstantBytes(index));
    if (!copy.ok()) {
      memory_status_ = copy.status();
      Check(xnn_status_out_of_memory);
      return XNN_INVALID_VALUE_ID;
    }
    data = copy->data();
    operands_.push_back(*std::move(copy));
  }
  const uint32_t id = Define(tensor, SizesOf(tensor.shape), data, external_id, flags);
  values_[index] = id;
  return id;
}

uint32_t XnnpackBuilder::Constant(const PackedConstant& constant) {
  absl::StatusOr<TensorBuffer> copy = TensorBuffer::Copy(constant.bytes);
  if (!copy.ok()) {
    memory_status_ = copy.status();
    Check(xnn_status_out_of_memory);
  }
  if (status_ != xnn_status_success) return XNN_INVALID_VALUE_ID;
  const void* data = copy->data();
  packed_.push_back(*std::move(copy));

  uint32_t id = XNN_INVALID_VALUE_ID;
  const size_t rank = constant.dims.size();
  const size_t* dims = constant.dims.data();
  if (constant.scales.empty()) {
    Check(xnn_define_tensor_value(subgraph_, constant.type, rank, dims, data, XNN_INVALID_VALUE_ID,
                                  /*flags=*/0, &id));
  } else if (constant.type == xnn_datatype_qcint8 || constant.type == xnn_datatype_qcint32) {
    scales_.push_back(std::make_unique<std::vector<float>>(constant.scales));
    scales_.back()->resize(constant.scales.size() + XNN_EXTRA_QUANTIZATION_PARAMS, 1.0f);
    Check(xnn_define_channelwise_quantized_tensor_value(
        subgraph_, constant.type, scales_.back()->data(), rank, constant.channel_axis, dims, data,
        XNN_INVALID_VALUE_ID, /*flags=*/0, &id));
  } else {
    Check(xnn_define_quantized_tensor_value(subgraph_, constant.type, /*zero_point=*/0,
                                            constant.scales[0], rank, dims, data,
                                            XNN_INVALID_VALUE_ID, /*flags=*/0, &id));
  }
  return id;
}

uint32_t XnnpackBuilder::Reshaped(TensorIndex tensor, std::span<const size_t> dims) {
  const uint32_t from = Value(tensor);
  const uint32_t to =
      Define(model_.tensor(tensor), dims, /*data=*/nullptr, XNN_INVALID_VALUE_ID, /*flags=*/0);
  if (status_ == xnn_status_success) {
    Check(xnn_define_static_reshape(subgraph_, dims.size(), dims.data(), from, to, /*flags=*/0));
  }
  return to;
}

absl::StatusOr<XnnpackPart> XnnpackPart::Create(const Model& model,
                                                std::span<const DefineNode> nodes,
                                                std::vector<TensorIndex> inputs,
                                                std::vector<TensorIndex> outputs) {
  RETURN_IF_ERROR(InitializeXnnpack());
  XnnpackBuilder builder(model, inputs, outputs);
  // Every external value exists, or setting the runtime up would meet an id without a value.
  for (const auto& [tensor, id] : builder.external_ids_) builder.Value(tensor);
  for (const DefineNode& node : nodes) {
    if (builder.status_ != xnn_status_success) break;
    node(builder);
  }
  RETURN_IF_ERROR(builder.memory_status_);
  if (builder.status_ != xnn_status_success) return XnnpackError("definition", builder.status_);

  XnnpackPart part;
  xnn_runtime_t runtime = nullptr;
  xnn_status status = xnn_create_runtime_v4(builder.subgraph_, /*weights_cache=*/nullptr,
                                            /*workspace=*/nullptr, /*threadpool=*/nullptr,
                                            /*flags=*/0, &runtime);
  if (status != xnn_status_success) return XnnpackError("creation", status);
  part.runtime_.reset(runtime);
  status = xnn_reshape_runtime(runtime);
  if (status != xnn_status_success) return XnnpackError("shapes", status);

  // The memory of an output is as large as the model says: XNNPACK has to agree.
  for (TensorIndex output : outputs) {
    size_t rank = 0;
    size_t dims[XNN_MAX_TENSOR_DIMS] = {};
    status = xnn_get_external_value_shape(runtime, builder.external_ids_[output], &rank, dims);
    if (status != xnn_status_success) return XnnpackError("output shape", status);
    size_t count = 1;
    for (size_t dim = 0; dim < rank; ++dim) count *= dims[dim];
    const std::optional<int64_t> expected = NumElements(model.tensor(output).shape);
    if (!expected || count != static_cast<size_t>(*expected)) {
      return absl::UnimplementedError(absl::StrCat("XNNPACK: ", count, " elements for tensor '",
                                                   model.TensorName(output), "'"));
    }
  }
  part.inputs_ = std::move(inputs);
  part.outputs_ = std::move(outputs);
  part.operands_ = std::move(builder.operands_);
  part.scales_ = std::move(builder.scales_);
  return part;
}

absl::Status XnnpackPart::Bind(const std::function<uint8_t*(TensorIndex)>& data) {
  // Numbered as the builder numbers them.
  std::map<TensorIndex, uint32_t> ids;
  for (TensorIndex tensor : inputs_) ids.emplace(tensor, ids.size());
  for (TensorIndex tensor : outputs_) ids.emplace(tensor, ids.size());
  std::vector<xnn_external_value> values;
  for (const auto& [tensor, id] : ids) values.push_back({id, data(tensor)});
  const xnn_status status = xnn_setup_runtime_v2(runtime_.get(), values.size(), values.data());
  return status == xnn_status_success ? absl::OkStatus() : XnnpackError("setup", status);
}

absl::Status XnnpackPart::Run() {
  const xnn_status status = xnn_invoke_runtime(runtime_.get());
  return status == xnn_status_success
             ? absl::OkStatus()
             : absl::InternalError(absl::StrCat("XNNPACK: run: status ", static_cast<int>(status)));
}

}  // namespace octavo
