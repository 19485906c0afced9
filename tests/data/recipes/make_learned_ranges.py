"""Writes tests/data/learned_ranges: one small net with the ranges that it was "trained" with, in four forms.

    python3 make_learned_ranges.py        # needs ai-edge-litert and numpy

    fake_quant.tflite    float, with FAKE_QUANT on the input, the weights (zero in the middle) and every activation that
                         an operator computes, as TFLiteConverter writes quantization-aware models
    fake_quant_part.tflite   the same without the range of the addition's output
    uint8.tflite         uint8 throughout, as TF1's converter wrote, int32 biases; int8 holds its weights as they are
    uint8_asymmetric.tflite   the same, with weights over their whole range: nine bits from zero, not eight

The net: conv 3x3 of stride 2, depthwise 3x3 beside it in an addition, max pool, conv 1x1, average pool, dense. Its
weights are random (SEED); its ranges are what the float net does on random inputs, a bit less, so that values clip.
"""

import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

SEED = 8
OUT = pathlib.Path(__file__).resolve().parents[1] / "learned_ranges"
INPUT = (1, 16, 16, 3)
ACTIVATION = schema.ActivationFunctionType
TYPES = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.uint8): schema.TensorType.UINT8,
         np.dtype(np.int32): schema.TensorType.INT32}


class Graph:
    """A model with one subgraph, built operator by operator."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.operatorCodes, self.model.buffers = 3, [], [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name: str, shape, dtype=np.float32, codes=None, data=None) -> int:
        """A tensor's place; `codes`: its scale and zero point."""
        table = schema.TensorT()
        table.name, table.shape, table.type, table.buffer = name.encode(), list(shape), TYPES[np.dtype(dtype)], 0
        if codes is not None:
            table.quantization = schema.QuantizationParametersT()
            table.quantization.scale = np.array([codes[0]], np.float32)
            table.quantization.zeroPoint = np.array([codes[1]], np.int64)
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.asarray(data, dtype).tobytes(), np.uint8)
            table.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(table)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: list[int], output: int, options=None) -> int:
        """Adds an operator of one output, which it gives."""
        builtin = getattr(schema.BuiltinOperator, kind)
        codes = [code.builtinCode for code in self.model.operatorCodes]
        if builtin not in codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
            self.model.operatorCodes.append(code)
        op = schema.OperatorT()
        op.opcodeIndex = [code.builtinCode for code in self.model.operatorCodes].index(builtin)
        op.inputs, op.outputs = inputs, [output]
        if options is not None:
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
            op.builtinOptions = options
        self.graph.operators.append(op)
        return output

    def pack(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The file."""
        self.graph.inputs, self.graph.outputs = inputs, outputs
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def options_of(kind: type, **fields):
    """Options with these fields."""
    options = kind()
    for name, value in fields.items():
        setattr(options, name, value)
    return options


def window(kind: type, stride: int, activation=ACTIVATION.NONE, **fields):
    """Options of a convolution or pool."""
    return options_of(kind, padding=schema.Padding.SAME, strideH=stride, strideW=stride,
                      fusedActivationFunction=activation, **fields)


CONV = dict(dilationHFactor=1, dilationWFactor=1)
# name, operator, weights' shape, the axis of channels (others: none), inputs, output's shape, options
LAYERS = [
    ("conv", "CONV_2D", (8, 3, 3, 3), 0, ["image"], (1, 8, 8, 8),
     window(schema.Conv2DOptionsT, 2, ACTIVATION.RELU6, **CONV)),
    ("depthwise", "DEPTHWISE_CONV_2D", (1, 3, 3, 8), 3, ["conv"], (1, 8, 8, 8),
     window(schema.DepthwiseConv2DOptionsT, 1, depthMultiplier=1, **CONV)),
    ("sum", "ADD", None, None, ["conv", "depthwise"], (1, 8, 8, 8),
     options_of(schema.AddOptionsT, fusedActivationFunction=ACTIVATION.RELU)),
    ("pool", "MAX_POOL_2D", None, None, ["sum"], (1, 4, 4, 8),
     window(schema.Pool2DOptionsT, 2, filterHeight=2, filterWidth=2)),
    ("pointwise", "CONV_2D", (12, 1, 1, 8), 0, ["pool"], (1, 4, 4, 12), window(schema.Conv2DOptionsT, 1, **CONV)),
    # Of nine values: no mean lies between two codes, where kernels differ.
    ("mean", "AVERAGE_POOL_2D", None, None, ["pointwise"], (1, 2, 2, 12),
     options_of(schema.Pool2DOptionsT, padding=schema.Padding.VALID, strideH=1, strideW=1, filterHeight=3, filterWidth=3,
                fusedActivationFunction=ACTIVATION.NONE)),
    ("row", "RESHAPE", None, None, ["mean"], (1, 48), options_of(schema.ReshapeOptionsT, newShape=[1, 48])),
    ("logits", "FULLY_CONNECTED", (10, 48), 0, ["row"], (1, 10),
     options_of(schema.FullyConnectedOptionsT, fusedActivationFunction=ACTIVATION.NONE)),
]
# They move values: the range is their input's.
MOVERS = {"pool", "mean", "row"}
# And round nothing.
EXACT = {"pool", "row"}


def make_constants() -> dict[str, np.ndarray]:
    """Weights and biases by layer; those of the depthwise layer lie off zero."""
    rng = np.random.default_rng(SEED)
    constants = {}
    for name, _, shape, axis, _, _, _ in LAYERS:
        if shape is None:
            continue
        fan_in = np.prod(shape) / shape[axis]
        values = rng.normal(0.2 if name == "depthwise" else 0, 1 / np.sqrt(fan_in), shape)
        constants[name] = values.astype(np.float32)
        constants[name + "/bias"] = rng.normal(0, 0.2, shape[axis]).astype(np.float32)
    return constants


def codes_of(low: float, high: float, narrow: bool = False) -> tuple[np.float32, int]:
    """Scale and zero point of uint8, moved so that zero is a code."""
    least = 1 if narrow else 0
    scale = np.float32(high - low) / np.float32(255 - least)
    return scale, int(np.clip(np.round(least - low / scale), least, 255))


def examples(count: int) -> np.ndarray:
    """Images of smooth noise in [-1, 1]."""
    rng = np.random.default_rng(SEED + 1)
    coarse = rng.uniform(-1, 1, (count, 8, 8, 3)).repeat(2, axis=1).repeat(2, axis=2)
    return (coarse * 0.8 + rng.uniform(-0.2, 0.2, coarse.shape)).astype(np.float32)


def run(content: bytes, images: np.ndarray) -> list[np.ndarray]:
    """All outputs by LiteRT's reference kernels."""
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    rows = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        rows.append([interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()])
    return [np.concatenate(column) for column in zip(*rows)]


def fake_quant(graph: Graph, source: int, name: str, shape, low: float, high: float) -> int:
    """The tensor behind a FAKE_QUANT."""
    options = options_of(schema.FakeQuantOptionsT, min=low, max=high, numBits=8)
    return graph.operator("FAKE_QUANT", [source], graph.tensor(name, shape), options)


def float_net(constants, ranges=None, without=()) -> bytes:
    """Float; with `ranges`, FAKE_QUANT everywhere but behind EXACT and `without`; else every layer is an output."""
    graph = Graph()
    image = graph.tensor("image", INPUT)
    rounded = {"image": image}
    if ranges:
        rounded["image"] = fake_quant(graph, image, "image/fake_quant", INPUT, *ranges["image"])
    outputs = []
    for name, kind, shape, _, inputs, output_shape, options in LAYERS:
        operands = [rounded[source] for source in inputs]
        if shape is not None:
            weights = graph.tensor(name + "/weights", shape, data=constants[name])
            if ranges:
                most = float(np.abs(constants[name]).max())
                # LiteRT runs none of a narrow range.
                weights = fake_quant(graph, weights, name + "/weights/fake_quant", shape, -most * 128 / 127, most)
            bias = constants[name + "/bias"]
            operands += [weights, graph.tensor(name + "/bias", bias.shape, data=bias)]
        if kind == "RESHAPE":
            operands.append(graph.tensor(name + "/shape", (2,), np.int32, data=output_shape))
        rounded[name] = graph.operator(kind, operands, graph.tensor(name, output_shape), options)
        outputs.append(rounded[name])
        if ranges and name not in EXACT and name not in without:
            limits = ranges["pointwise" if name == "mean" else name]
            rounded[name] = fake_quant(graph, rounded[name], name + "/fake_quant", output_shape, *limits)
    return graph.pack([image], [rounded["logits"]] if ranges else outputs)


def weight_codes(values: np.ndarray, whole_range: bool, zero_point: int) -> tuple[np.float32, int]:
    """Of the weights' whole range, as TF1 trained them; or of one that int8 holds, whatever the zero point."""
    if whole_range:
        return codes_of(float(values.min()), float(values.max()), narrow=True)
    return np.float32(np.abs(values).max() / 120), zero_point


def uint8_net(constants, ranges, whole_range: bool) -> bytes:
    """Uint8 throughout."""
    graph = Graph()
    codes = {"image": codes_of(*ranges["image"])}
    places = {"image": graph.tensor("image", INPUT, np.uint8, codes["image"])}
    for name, kind, shape, _, inputs, output_shape, options in LAYERS:
        operands = [places[source] for source in inputs]
        if shape is not None:
            values, bias = constants[name], constants[name + "/bias"]
            scale, zero_point = weight_codes(values, whole_range, 128 if name == "logits" else 122)
            stored = np.clip(np.round(values / scale) + zero_point, 0, 255)
            operands.append(graph.tensor(name + "/weights", shape, np.uint8, (scale, zero_point), stored))
            bias_scale = codes[inputs[0]][0] * scale
            operands.append(graph.tensor(name + "/bias", bias.shape, np.int32, (bias_scale, 0),
                                         np.round(bias / bias_scale)))
        if kind == "RESHAPE":
            operands.append(graph.tensor(name + "/shape", (2,), np.int32, data=output_shape))
        codes[name] = codes[inputs[0]] if name in MOVERS else codes_of(*ranges[name])
        places[name] = graph.operator(kind, operands, graph.tensor(name, output_shape, np.uint8, codes[name]), options)
    return graph.pack([places["image"]], [places["logits"]])


def main() -> None:
    """Everything."""
    constants = make_constants()
    images = examples(32)
    activations = run(float_net(constants), images)
    ranges = {"image": (-1.0, 1.0)}
    for (name, *_), values in zip(LAYERS, activations):
        ranges[name] = (float(min(values.min() * 0.95, 0)), float(values.max() * 0.95))
    OUT.mkdir(exist_ok=True)
    (OUT / "fake_quant.tflite").write_bytes(float_net(constants, ranges))
    (OUT / "fake_quant_part.tflite").write_bytes(float_net(constants, ranges, without={"sum"}))
    (OUT / "uint8.tflite").write_bytes(uint8_net(constants, ranges, whole_range=False))
    (OUT / "uint8_asymmetric.tflite").write_bytes(uint8_net(constants, ranges, whole_range=True))
    for path in sorted(OUT.glob("*.tflite")):
        outputs = run(path.read_bytes(), images if "uint8" not in path.name else
                      np.clip(np.round(images / codes_of(-1, 1)[0]) + 128, 0, 255).astype(np.uint8))
        print(path.name, path.stat().st_size, "bytes, outputs", outputs[0].min(), "to", outputs[0].max())


if __name__ == "__main__":
    main()
