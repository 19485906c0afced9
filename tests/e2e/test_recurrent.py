"""A model with an LSTM: it stays float in every scheme while its neighbours are quantized, and LiteRT runs what is made."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from litert import Model, sqnr_db
from own_runtime import run_codes
from test_litert import variant_of

import octavo

STEPS, DEPTH, CELLS, CLASSES, COUNT = 8, 6, 32, 10, 60
VARIANTS = ("float16", "dynamic-int8", "int8")
# Largest difference of LiteRT's probabilities from our runtime's, on the same file: float sums, or codes of int8.
TOLERANCES = {"float32": 1e-4, "float16": 1e-4, "dynamic-int8": 1e-2, "int8": 1 / 256 + 1e-6}


class Builder:
    """A model of one subgraph, as a file."""

    def __init__(self):
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model = schema.ModelT()
        self.model.version, self.model.subgraphs = 3, [self.graph]
        self.model.operatorCodes, self.model.buffers = [], [schema.BufferT()]

    def tensor(self, name: str, shape: tuple, values: np.ndarray | None = None, is_variable: bool = False) -> int:
        """Adds an activation, a constant or a state, and gives its place."""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
        tensor.isVariable = is_variable
        tensor.buffer = 0
        if values is not None:
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(schema.BufferT())
            self.model.buffers[-1].data = values.astype("<f4").tobytes()
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, kind: str, inputs: list[int], output: int, options) -> None:
        """Adds an operator of version 1."""
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = 1
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs, operator.outputs, operator.builtinOptions = inputs, [output], options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self.graph.operators.append(operator)

    def bytes(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The file."""
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def lstm_model() -> bytes:
    """LSTM, FULLY_CONNECTED and SOFTMAX, as a converter writes them."""
    rng = np.random.default_rng(4)
    build = Builder()

    def weights(name: str, *shape: int) -> int:
        return build.tensor(name, shape, rng.normal(0, 1 / np.sqrt(shape[-1]), shape))

    x = build.tensor("x", (1, STEPS, DEPTH))
    inputs = [x] + [weights(f"input{gate}", CELLS, DEPTH) for gate in range(4)]
    inputs += [weights(f"recurrent{gate}", CELLS, CELLS) for gate in range(4)]
    inputs += [-1] * 3 + [weights(f"bias{gate}", CELLS) for gate in range(4)] + [-1] * 2
    inputs += [build.tensor(f"state{i}", (1, CELLS), is_variable=True) for i in range(2)] + [-1] * 4
    sequence = build.tensor("lstm", (1, STEPS, CELLS))
    options = schema.UnidirectionalSequenceLSTMOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.TANH
    options.cellClip = 10.0
    build.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, sequence, options)
    dense, y = build.tensor("dense", (1, CLASSES)), build.tensor("y", (1, CLASSES))
    build.operator("FULLY_CONNECTED", [sequence, weights("dense/weights", CLASSES, STEPS * CELLS), weights("dense/bias", CLASSES)],
                   dense, schema.FullyConnectedOptionsT())
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = 4.0
    build.operator("SOFTMAX", [dense], y, softmax)
    return build.bytes([x], [y])


def examples() -> np.ndarray:
    """Sequences of noise."""
    return np.random.default_rng(5).normal(0, 2, (COUNT, STEPS, DEPTH)).astype(np.float32)


@pytest.fixture(scope="module")
def job(client, tmp_path_factory) -> octavo.Result:
    """The variants of the model."""
    folder = tmp_path_factory.mktemp("recurrent")
    (folder / "lstm.tflite").write_bytes(lstm_model())
    np.savez(folder / "sequences.npz", x=examples())
    data = octavo.Data(str(folder / "sequences.npz"), {"": "x"})
    return client.optimize(folder / "lstm.tflite", variants=("float32", *VARIANTS), calibrate=data, evaluate=data,
                           benchmark=False, out=folder / "out")


@pytest.mark.parametrize("variant", ["float32", *VARIANTS])
@pytest.mark.parametrize("reference", [False, True], ids=["xnnpack", "reference"])
def test_litert_gives_what_our_runtime_gives(job, variant, reference):
    report = variant_of(job.report, variant)
    assert report.state == report.STATE_SUCCEEDED, f"{report.error.message}{report.skip_reason}"
    path = job.paths[f"{variant}.tflite"]
    peer = Model(path, reference=reference)
    flags = ("reference",) if reference else ()
    difference = np.abs(run_codes(peer, path, examples(), *flags) - peer.run_codes(examples())).max()
    print(f"{variant}: largest difference {difference:.3g}")
    assert difference <= TOLERANCES[variant]


@pytest.mark.parametrize("variant", VARIANTS)
def test_loses_in_litert_what_the_report_says(job, variant):
    wanted = Model(job.paths["float32.tflite"]).run(examples())
    found = Model(job.paths[f"{variant}.tflite"]).run(examples())
    said, measured = variant_of(job.report, variant).fidelity.sqnr_db, sqnr_db(found, wanted)
    print(f"{variant}: {said:.2f} dB in the report, {measured:.2f} dB in LiteRT")
    assert abs(said - measured) <= 0.5
    assert variant != "float16" or np.abs(found - wanted).max() <= 1e-2


def test_a_state_lasts_no_longer_than_an_example(job):
    """Each example gives what it gives alone: the first again behind all others."""
    peer, path = Model(job.paths["float32.tflite"]), job.paths["float32.tflite"]
    outputs = run_codes(peer, path, np.concatenate([examples(), examples()[:1]]))
    np.testing.assert_array_equal(outputs[0], outputs[-1])


def test_a_larger_batch_has_states_of_its_own(client, tmp_path):
    (tmp_path / "lstm.tflite").write_bytes(lstm_model())
    result = client.optimize(tmp_path / "lstm.tflite", variants="float16", batch=3, benchmark=False, out=tmp_path / "out")
    interpreter = Model(result.paths["float16.tflite"]).interpreter
    alone = Model(tmp_path / "lstm.tflite").run(examples()[:3])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], examples()[:3])
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, alone, atol=1e-2)


@pytest.mark.parametrize(("variant", "note"), [("float16", "float: constants stored in float16"),
                                               ("dynamic-int8", "float: no dynamic form of this operator"),
                                               ("int8", "float: no int8 form of this operator")])
def test_the_report_says_why_it_stays_float(job, variant, note):
    lstm, dense, _ = variant_of(job.report, variant).operators
    assert lstm.type == "UNIDIRECTIONAL_SEQUENCE_LSTM"
    assert (lstm.quantized, lstm.note) == (False, note)
    assert dense.quantized == (variant != "float16")
