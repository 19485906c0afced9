#include "core/runtime/dynamic_kernel.h"

#include <xnnpack.h>

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "absl/log/check.h"
#include "core/base/status_macros.h"
#include "core/runtime/row_quantization.h"
#include "core/runtime/tensor_buffer.h"
#include "core/runtime/weighted_operators.h"
#include "core/runtime/xnnpack_builder.h"
#include "core/runtime/xnnpack_view.h"

namespace octavo {
namespace {

// XNNPACK makes a buffer for each image, without a look at whether there is memory for it.
constexpr size_t kMaxImages = 1024;

struct DeleteOperator {
  void operator()(xnn_operator* op) const { xnn_delete_operator(op); }
};
using OperatorHandle = std::unique_ptr<xnn_operator, DeleteOperator>;

// What XNNPACK packs into the operator.
struct PackedCopies {
  TensorBuffer filter;
  TensorBuffer bias;
  std::vector<float> scales;

  const int8_t* filter_data() const { return reinterpret_cast<const int8_t*>(filter.data()); }
  const float* bias_data() const { return reinterpret_cast<const float*>(bias.data()); }
};

absl::StatusOr<PackedCopies> CopyConstants(const WeightedPlan& plan) {
  PackedCopies copies;
  ASSIGN_OR_RETURN(copies.filter, TensorBuffer::Copy(plan.filter.bytes));
  if (plan.bias) {
    ASSIGN_OR_RETURN(copies.bias, TensorBuffer::Copy(plan.bias->bytes));
  }
  copies.scales = plan.filter.scales;
  copies.scales.resize(copies.scales.size() + XNN_EXTRA_QUANTIZATION_PARAMS, 1.0f);
  return copies;
}

// An operator prepared for its shapes, with the memory that it asks for.
struct PreparedOperator {
  OperatorHandle op;
  TensorBuffer workspace;
};

class DynamicKernel : public Kernel {
 public:
  using Setup = xnn_status (*)(xnn_operator_t op, void* workspace, const int8_t* codes,
                               float* output, const xnn_quantization_params* quantization);

  DynamicKernel(PreparedOperator prepared, Setup setup, int input_position, TensorBuffer codes,
                size_t num_rows, size_t row_size)
      : prepared_(std::move(prepared)),
        setup_(setup),
        input_position_(input_position),
        codes_(std::move(codes)),
        row_size_(row_size),
        quantization_(num_rows + XNN_EXTRA_QUANTIZATION_PARAMS, {0, 1.0f}),
        num_rows_(num_rows) {}

  void Run(std::span<const TensorView> inputs, std::span<uint8_t* const> outputs) override {
    const std::span<const float> values = inputs[input_position_].values<float>();
    auto* codes = reinterpret_cast<int8_t*>(codes_.data());
    for (size_t row = 0; row < num_rows_; ++row) {
      const RowQuantization quantization =
          QuantizeRow(values.subspan(row * row_size_, row_size_), codes + row * row_size_);
      quantization_[row] = {quantization.zero_point, quantization.scale};
    }
    // XNNPACK computes its last row several times over, the copies with what stands behind it.
    std::fill(quantization_.begin() + num_rows_, quantization_.end(), quantization_[num_rows_ - 1]);
    // Neither fails: the shapes were accepted when the kernel was made.
    CHECK_EQ(setup_(prepared_.op.get(), prepared_.workspace.data(), codes,
                    reinterpret_cast<float*>(outputs[0]), quantization_.data()),
             xnn_status_success);
    CHECK_EQ(xnn_run_operator(prepared_.op.get(), /*threadpool=*/nullptr), xnn_status_success);
  }

 private:
  PreparedOperator prepared_;
  Setup setup_;
  int input_position_;
  TensorBuffer codes_;
  size_t row_size_;
  std::vector<xnn_quantization_params> quantization_;
  size_t num_rows_;
};

// The size that XNNPACK finds is the tensor's.
bool IsOutput(const Shape& output, size_t height, size_t width) {
  return output.size() == 4 && static_cast<size_t>(output[1]) == height &&
         static_cast<size_t>(output[2]) == width;
}

xnn_status PrepareConvolution(const WeightedPlan& plan, const PackedCopies& copies,
                              const Shape& output, PreparedOperator& prepared) {
  const Window& window = plan.window;
  const size_t input_channels = plan.groups * plan.group_input_channels;
  const size_t output_channels = plan.groups * plan.group_output_channels;
  xnn_operator_t op = nullptr;
  xnn_status status = xnn_create_convolution2d_nhwc_qd8_f32_qc8w(
      plan.rows.before, plan.columns.after, plan.rows.after, plan.columns.before,
      window.kernel_height, window.kernel_width, window.stride_height, window.stride_width,
      window.dilation_height, window.dilation_width, plan.groups, plan.group_input_channels,
      plan.group_output_channels, input_channels, output_channels, copies.scales.data(),
      copies.filter_data(), copies.bias_data(), plan.range.min, plan.range.max, window.flags,
      /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &op);
  if (status != xnn_status_success) return status;
  prepared.op.reset(op);
  size_t workspace_size = 0;
  size_t workspace_alignment = 1;
  size_t height = 0;
  size_t width = 0;
  status = xnn_reshape_convolution2d_nhwc_qd8_f32_qc8w(
      op, plan.input_dims[0], plan.input_dims[1], plan.input_dims[2], &workspace_size,
      &workspace_alignment, &height, &width, /*threadpool=*/nullptr);
  if (status != xnn_status_success) return status;
  if (!IsOutput(output, height, width) || workspace_alignment > kTensorAlignment) {
    return xnn_status_unsupported_parameter;
  }
  auto workspace = TensorBuffer::Allocate(workspace_size);
  if (!workspace.ok()) return xnn_status_out_of_memory;
  prepared.workspace = *std::move(workspace);
  return xnn_status_success;
}

xnn_status PrepareTransposed(const WeightedPlan& plan, const PackedCopies& copies,
                             const Shape& output, PreparedOperator& prepared) {
  const Window& window = plan.window;
  xnn_operator_t op = nullptr;
  xnn_status status = xnn_create_deconvolution2d_nhwc_qd8_f32_qc8w(
      plan.rows.before, plan.columns.after, plan.rows.after, plan.columns.before,
      window.kernel_height, window.kernel_width, window.stride_height, window.stride_width, 1, 1,
      plan.groups, plan.group_input_channels, plan.group_output_channels, plan.group_input_channels,
      plan.group_output_channels, copies.scales.data(), copies.filter_data(), copies.bias_data(),
      plan.range.min, plan.range.max, /*flags=*/0,
      /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &op);
  if (status != xnn_status_success) return status;
  prepared.op.reset(op);
  size_t height = 0;
  size_t width = 0;
  status = xnn_reshape_deconvolution2d_nhwc_qd8_f32_qc8w(
      op, plan.input_dims[0], plan.input_dims[1], plan.input_dims[2], plan.rows.adjustment,
      plan.columns.adjustment, &height, &width, /*threadpool=*/nullptr);
  if (status != xnn_status_success) return status;
  return IsOutput(output, height, width) ? xnn_status_success : xnn_status_unsupported_parameter;
}

// Two codes a byte, the first in the lower half, 8 standing for 0.
std::vector<uint8_t> PackInt4(std::span<const uint8_t> codes) {
  std::vector<uint8_t> packed((codes.size() + 1) / 2);
  for (size_t i = 0; i < codes.size(); ++i) {
    const auto half = static_cast<uint8_t>((codes[i] & 0xf) ^ 8);
    packed[i / 2] |= static_cast<uint8_t>(i % 2 == 0 ? half : half << 4);
  }
  return packed;
}

std::vector<uint16_t> ToBfloat16(std::span<const float> scales) {
  std::vector<uint16_t> halves;
  for (const float scale : scales) {
    halves.push_back(static_cast<uint16_t>(std::bit_cast<uint32_t>(scale) >> 16));
  }
  return halves;
}

xnn_status PrepareBlocks(const WeightedPlan& plan, const PackedCopies& copies, size_t num_rows,
                         PreparedOperator& prepared) {
  const std::vector<uint8_t> codes = PackInt4(plan.filter.bytes);
  const std::vector<uint16_t> scales = ToBfloat16(plan.filter.scales);
  xnn_operator_t op = nullptr;
  const xnn_status status = xnn_create_fully_connected_nc_qd8_f32_qb4w(
      plan.group_input_channels, plan.group_output_channels, plan.group_input_channels,
      plan.group_output_channels, plan.filter.block_size, /*kernel_zero_point=*/8, scales.data(),
      codes.data(), copies.bias_data(), plan.range.min, plan.range.max, /*flags=*/0,
      /*code_cache=*/nullptr, /*weights_cache=*/nullptr, &op);
  if (status != xnn_status_success) return status;
  prepared.op.reset(op);
  return xnn_reshape_fully_connected_nc_qd8_f32_qb4w(op, num_rows, /*threadpool=*/nullptr);
}

xnn_status PrepareFullyConnected(const WeightedPlan& plan, const PackedCopies& copies,
                                 size_t num_rows, PreparedOperator& prepared) {
  xnn_operator_t op = nullptr;
  const xnn_status status = xnn_create_fully_connected_nc_qd8_f32_qc8w(
      plan.group_input_channels, plan.group_output_channels, plan.group_input_channels,
      plan.group_output_channels, copies.scales.data(), copies.filter_data(), copies.bias_data(),
      plan.range.min, plan.range.max, /*flags=*/0, /*code_cache=*/nullptr,
      /*weights_cache=*/nullptr, &op);
  if (status != xnn_status_success) return status;
  prepared.op.reset(op);
  return xnn_reshape_fully_connected_nc_qd8_f32_qc8w(op, num_rows, /*threadpool=*/nullptr);
}

DynamicKernel::Setup SetupOf(const WeightedPlan& plan) {
  if (plan.filter.block_size > 0) {
    return [](xnn_operator_t op, void*, const int8_t* codes, float* output,
              const xnn_quantization_params* quantization) {
      return xnn_setup_fully_connected_nc_qd8_f32_qb4w(op, codes, output, quantization);
    };
  }
  switch (plan.kind) {
    case WeightedKind::kTransposed:
      return [](xnn_operator_t op, void*, const int8_t* codes, float* output,
                const xnn_quantization_params* quantization) {
        return xnn_setup_deconvolution2d_nhwc_qd8_f32_qc8w(op, codes, output, quantization);
      };
    case WeightedKind::kFullyConnected:
      return [](xnn_operator_t op, void*, const int8_t* codes, float* output,
                const xnn_quantization_params* quantization) {
        return xnn_setup_fully_connected_nc_qd8_f32_qc8w(op, codes, output, quantization);
      };
    default:
      return xnn_setup_convolution2d_nhwc_qd8_f32_qc8w;
  }
}

xnn_status Prepare(const WeightedPlan& plan, const PackedCopies& copies, const Shape& output,
                   size_t num_rows, PreparedOperator& prepared) {
  switch (plan.kind) {
    case WeightedKind::kTransposed:
      return PrepareTransposed(plan, copies, output, prepared);
    case WeightedKind::kFullyConnected:
      if (*NumElements(output) != static_cast<int64_t>(num_rows * plan.group_output_channels)) {
        return xnn_status_unsupported_parameter;
      }
      return plan.filter.block_size > 0 ? PrepareBlocks(plan, copies, num_rows, prepared)
                                        : PrepareFullyConnected(plan, copies, num_rows, prepared);
    default:
      return PrepareConvolution(plan, copies, output, prepared);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Kernel>> NewDynamicKernel(const Model& model,
                                                         const schema::OperatorT& op) {
  const XnnpackView view{model, op};
  const auto plan = PlanWeightedOperator(view);
  if (!plan || !plan->is_dynamic) return nullptr;
  if (plan->kind != WeightedKind::kFullyConnected && plan->input_dims[0] > kMaxImages) {
    return nullptr;
  }
  RETURN_IF_ERROR(InitializeXnnpack());

  // A scale for each pixel or row of a fully connected operator, else for each image, as LiteRT has
  // it.
  const size_t elements = static_cast<size_t>(*NumElements(view.shape(plan->input)));
  const size_t num_rows = plan->kind == WeightedKind::kFullyConnected
                              ? elements / plan->group_input_channels
                              : plan->input_dims[0];
  ASSIGN_OR_RETURN(const PackedCopies copies, CopyConstants(*plan));
  ASSIGN_OR_RETURN(TensorBuffer codes, TensorBuffer::Allocate(elements));
  PreparedOperator prepared;
  const xnn_status status = Prepare(*plan, copies, view.shape(plan->output), num_rows, prepared);
  if (status == xnn_status_out_of_memory) {
    return absl::ResourceExhaustedError("XNNPACK: no memory for an operator");
  }
  if (status != xnn_status_success) return nullptr;
  const int input_position = plan->input == view.in(0) ? 0 : 2;
  return std::make_unique<DynamicKernel>(std::move(prepared), SetupOf(*plan), input_position,
                                         std::move(codes), num_rows, elements / num_rows);
}

}  // namespace octavo
