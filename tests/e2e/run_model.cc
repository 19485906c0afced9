// Runs a model with our executor from raw files, so that a script can hold its outputs and its
// speed against a peer's.
//
//   run_model MODEL.tflite INPUT OUTPUT [reference]     INPUT: the examples' values one after the
//   other, as stored run_model MODEL.tflite INPUT                        for each line "N" on
//   standard input: runs examples 0..N-1 once,
//                                                       prints the seconds that it took

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/base/status_macros.h"
#include "core/graph/fix_shapes.h"
#include "core/runtime/executor.h"
#include "core/tflite/model_reader.h"

namespace octavo {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{4} << 30;

// The examples of a model with one input.
struct Examples {
  schema::TensorType type;
  Shape shape;
  std::vector<uint8_t> bytes;
  int64_t example_bytes = 0;

  int64_t size() const { return static_cast<int64_t>(bytes.size()) / example_bytes; }
  TensorView operator[](int64_t index) const {
    return {type, shape, std::span(bytes).subspan(index * example_bytes, example_bytes)};
  }
};

absl::StatusOr<Examples> ReadExamples(const Model& model, const std::string& path) {
  const schema::TensorT& input = *model.graph().tensors[model.graph().inputs[0]];
  Examples examples{.type = input.type, .shape = input.shape, .bytes = {}};
  ASSIGN_OR_RETURN(examples.bytes, ReadFile(path, kMaxFileBytes), path);
  examples.example_bytes = *TensorBytes(input.type, input.shape);
  return examples;
}

absl::Status WriteOutputs(Executor& executor, const Examples& examples, const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
  if (file == nullptr) return ErrnoStatus(errno, path);
  for (int64_t i = 0; i < examples.size(); ++i) {
    const TensorView input = examples[i];
    RETURN_IF_ERROR(executor.Run({&input, 1}), "example ", i);
    for (int output = 0; output < executor.num_outputs(); ++output) {
      const std::span<const uint8_t> bytes = executor.Output(output).bytes;
      std::fwrite(bytes.data(), 1, bytes.size(), file.get());
    }
  }
  return absl::OkStatus();
}

absl::Status TimeOnRequest(Executor& executor, const Examples& examples) {
  std::printf("%s\n", executor.runtime().c_str());
  std::fflush(stdout);
  for (int64_t count = 0; std::cin >> count;) {
    const auto begun = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < count; ++i) {
      const TensorView input = examples[i % examples.size()];
      RETURN_IF_ERROR(executor.Run({&input, 1}));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    std::printf("%.9f\n", took.count());
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& arguments) {
  if (arguments.size() < 3) return absl::InvalidArgumentError("MODEL INPUT [OUTPUT [reference]]");
  ASSIGN_OR_RETURN(std::vector<uint8_t> file, ReadFile(arguments[1], kMaxFileBytes), arguments[1]);
  ASSIGN_OR_RETURN(const Model read,
                   ReadModel(std::make_shared<const std::vector<uint8_t>>(std::move(file))));
  ASSIGN_OR_RETURN(const Model model, FixShapes(read));
  ASSIGN_OR_RETURN(const Examples examples, ReadExamples(model, arguments[2]));
  const Backend backend = arguments.size() > 4 ? Backend::kReference : Backend::kXnnpack;
  ASSIGN_OR_RETURN(Executor executor, Executor::Create(model, {.backend = backend}));
  if (arguments.size() == 3) return TimeOnRequest(executor, examples);
  return WriteOutputs(executor, examples, arguments[3]);
}

}  // namespace
}  // namespace octavo

int main(int argc, char** argv) {
  const absl::Status status = octavo::Run(std::vector<std::string>(argv, argv + argc));
  if (!status.ok()) std::fprintf(stderr, "run_model: %s\n", status.ToString().c_str());
  return status.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
}
