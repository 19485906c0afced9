"""The LiteRT interpreter: the peer that every artifact must run in."""

import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType


class Model:
    """A .tflite file in LiteRT, with XNNPACK or with its reference kernels, at batch 1."""

    def __init__(self, path, reference: bool = False):
        kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        self.interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=kind, num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def run_codes(self, examples: np.ndarray) -> np.ndarray:
        """Outputs as the model stores them, one row an example."""
        examples = self.quantize(examples)
        rows = []
        for example in examples:
            self.interpreter.reset_all_variables()  # examples know nothing of one another
            self.interpreter.set_tensor(self.input["index"], example[None])
            self.interpreter.invoke()
            rows.append(self.interpreter.get_tensor(self.output["index"])[0].ravel())
        return np.array(rows)

    def run(self, examples: np.ndarray) -> np.ndarray:
        """Outputs as real numbers."""
        return self.dequantize(self.run_codes(examples))

    def run_all_outputs(self, examples: np.ndarray) -> np.ndarray:
        """Every output as real numbers, one row an example, one output behind the other."""
        rows = []
        for example in self.quantize(examples):
            self.interpreter.reset_all_variables()  # examples know nothing of one another
            self.interpreter.set_tensor(self.input["index"], example[None])
            self.interpreter.invoke()
            rows.append(np.concatenate([self.dequantize(self.interpreter.get_tensor(output["index"])[0].ravel(), output)
                                        for output in self.interpreter.get_output_details()]))
        return np.array(rows)

    def dequantize(self, codes: np.ndarray, output: dict | None = None) -> np.ndarray:
        """Codes of an output, the first where none is given, as real numbers."""
        if codes.dtype == np.float32:
            return codes
        scale, zero_point = (output or self.output)["quantization"]
        return (codes.astype(np.float32) - zero_point) * np.float32(scale)

    def quantize(self, examples: np.ndarray) -> np.ndarray:
        """Real numbers as the model takes them, rounded half away from zero."""
        dtype = self.input["dtype"]
        if dtype == np.float32:
            return examples
        scale, zero_point = self.input["quantization"]
        scaled = examples / np.float32(scale)
        rounded = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + zero_point  # half away from zero
        limits = np.iinfo(dtype)
        return np.clip(rounded, limits.min, limits.max).astype(dtype)


def changed_model(path, mutate) -> bytes:
    """A .tflite file with its tables changed by `mutate(model, schema)`."""
    model = schema.ModelT.InitFromPackedBuf(pathlib.Path(path).read_bytes(), 0)
    mutate(model, schema)
    builder = flatbuffers.Builder(1 << 17)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def delegate_parts(interpreter: Interpreter) -> tuple[int, set[int]]:
    """How many parts the delegate made of an interpreter's model, and the operators outside."""
    nodes = interpreter._get_ops_details()
    parts = [node for node in nodes if node["op_name"] == "DELEGATE"]
    operators = nodes[:len(nodes) - len(parts)]
    producers = {int(tensor): index for index, node in enumerate(operators) for tensor in node["outputs"]}
    inside = set()
    for part in parts:
        border, open_tensors = {int(tensor) for tensor in part["inputs"]}, [int(tensor) for tensor in part["outputs"]]
        while open_tensors:
            tensor = open_tensors.pop()
            if tensor in border or tensor not in producers or producers[tensor] in inside:
                continue
            inside.add(producers[tensor])
            open_tensors += [int(source) for source in operators[producers[tensor]]["inputs"]]
    return len(parts), set(range(len(operators))) - inside


def sqnr_db(outputs: np.ndarray, reference: np.ndarray) -> float:
    """10 log10 of signal over noise; infinite where they are equal."""
    noise = np.sum((outputs.astype(np.float64) - reference) ** 2)
    return float("inf") if noise == 0 else float(10 * np.log10(np.sum(reference.astype(np.float64) ** 2) / noise))


def top1(outputs: np.ndarray, labels: np.ndarray) -> float:
    """Share of the examples whose largest output is the label."""
    return float(np.mean(outputs.argmax(axis=1) == labels))


def agreement(outputs: np.ndarray, reference: np.ndarray) -> float:
    """Share of the examples whose largest output is the same."""
    return float(np.mean(outputs.argmax(axis=1) == reference.argmax(axis=1)))
