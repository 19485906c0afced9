"""Operators that are carried and not run: what needs no calibration is made, and works in LiteRT."""

import grpc
import numpy as np
import pytest
from conftest import DATA, NETS, images, model_path
from litert import Model, changed_model, sqnr_db
from test_litert import variant_of

import octavo


def tensor(model, schema, name: str, type_name: str, shape: list, values: np.ndarray | None = None) -> int:
    """A new tensor of the first subgraph; its index."""
    one = schema.TensorT()
    one.name, one.type, one.shape = name.encode(), getattr(schema.TensorType, type_name), shape
    if values is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), dtype=np.uint8)
        model.buffers.append(buffer)
        one.buffer = len(model.buffers) - 1
    model.subgraphs[0].tensors.append(one)
    return len(model.subgraphs[0].tensors) - 1


def operator(model, schema, name: str, inputs: list, outputs: list, options=None):
    """A new operator; of the first subgraph once it is put there."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
    model.operatorCodes.append(code)
    one = schema.OperatorT()
    one.opcodeIndex, one.inputs, one.outputs = len(model.operatorCodes) - 1, inputs, outputs
    if options is not None:
        one.builtinOptions = options
        one.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
    return one


def with_where(model, schema) -> None:
    """Tells in a second output where the logits are not 0: as long as there are such."""
    graph = model.subgraphs[0]
    places = tensor(model, schema, "places", "INT64", [0, 2])
    model.subgraphs[0].tensors[places].shapeSignature = [-1, 2]
    graph.operators.append(operator(model, schema, "WHERE", [int(graph.outputs[0])], [places], schema.WhereOptionsT()))
    graph.outputs = [*graph.outputs, places]
    model.signatureDefs = []


def with_variable(model, schema) -> None:
    """Adds a resource variable, which a subgraph of its own fills, to the logits."""
    graph = model.subgraphs[0]

    def handle(where: list) -> int:
        made = tensor(model, schema, f"handle{len(graph.tensors)}", "RESOURCE", [])
        options = schema.VarHandleOptionsT()
        options.container, options.sharedName = b"", b"offset"
        where.append(operator(model, schema, "VAR_HANDLE", [], [made], options))
        return made

    setup = schema.SubGraphT()
    setup.name, setup.inputs, setup.outputs, setup.operators = b"setup", [], [], []
    offset = tensor(model, schema, "offset", "FLOAT32", [10], np.arange(10, dtype=np.float32))
    written = handle(setup.operators)
    setup.operators.append(operator(model, schema, "ASSIGN_VARIABLE", [written, offset], []))
    # The subgraph has tensors of its own: the last two.
    setup.tensors = graph.tensors[-2:]
    del graph.tensors[-2:]
    for one in setup.operators:
        one.inputs, one.outputs = ([index - offset for index in indices] for indices in (one.inputs, one.outputs))
    model.subgraphs.append(setup)

    call = schema.CallOnceOptionsT()
    call.initSubgraphIndex = 1
    graph.operators.insert(0, operator(model, schema, "CALL_ONCE", [], [], call))
    read = handle(graph.operators)
    value, total = (tensor(model, schema, name, "FLOAT32", [10]) for name in ("value", "total"))
    graph.operators.append(operator(model, schema, "READ_VARIABLE", [read], [value]))
    graph.operators.append(operator(model, schema, "ADD", [int(graph.outputs[0]), value], [total], schema.AddOptionsT()))
    graph.tensors[total].shape = [1, 10]
    graph.outputs = [total]
    model.signatureDefs = []


def with_select(model, schema) -> None:
    """As with_where, of the last layer's weights, which a FULLY_CONNECTED reads too."""
    with_where(model, schema)
    graph = model.subgraphs[0]
    dense = next(one for one in reversed(graph.operators) if one.builtinOptionsType == schema.BuiltinOptions.FullyConnectedOptions)
    graph.operators[-1].inputs = [int(dense.inputs[1])]


@pytest.fixture(scope="module", params=[with_where, with_select, with_variable])
def path(request, tmp_path_factory) -> str:
    """The MNIST net with such operators."""
    file = tmp_path_factory.mktemp("carried") / f"{request.param.__name__}.tflite"
    file.write_bytes(changed_model(model_path("mnist_cnn", "float_static.tflite"), request.param))
    return str(file)


def test_is_written_and_not_measured(client, path, tmp_path):
    result = client.optimize(path, out=tmp_path)
    report = result.report
    states = {variant.spec.name: variant.State.Name(variant.state) for variant in report.variants}
    print(states)
    assert {name for name, state in states.items() if state == "STATE_SKIPPED"} >= {"int8", "int16x8"}
    assert states["dynamic-int8"] == states["float16"] == states["weight-int8"] == "STATE_SUCCEEDED"
    named = "READ_VARIABLE" if "variable" in path else "WHERE"
    assert any(warning.reason == "NOT_RUN" and named in warning.message for warning in report.warnings)
    assert named in variant_of(report, "int8").skip_reason
    examples = images(NETS["mnist"].data, "test_images", 20)
    real = Model(path).run(examples)
    for name in ("float16", "weight-int8", "dynamic-int8"):
        variant = variant_of(report, name)
        assert not variant.HasField("fidelity") and not variant.HasField("latency")
        assert any(row.type == named and not row.quantized and row.note for row in variant.operators)
        assert sqnr_db(Model(result.paths[f"{name}.tflite"]).run(examples), real) > 40


def test_a_calibration_cannot_be_asked_for(client, path):
    with pytest.raises(octavo.OctavoError) as error:
        client.optimize(path, variants="int8", calibrate=images(NETS["mnist"].data, "calib_images", 10))
    assert error.value.code == grpc.StatusCode.FAILED_PRECONDITION and error.value.reason == "OP_UNSUPPORTED"
    assert "nothing here runs" in error.value.message


@pytest.mark.parametrize("path", [with_where], indirect=True)
def test_size_is_a_goal_all_the_same(client, path):
    result = client.optimize(path, variants=["weight-int8"], goals={"size": 0.5})
    assert [variant.spec.name for variant in result.report.variants] == ["float32", "weight-int8"]
    assert result.verdict == "PASS"


def test_a_batch_cannot_be_fixed(client, path):
    with pytest.raises(octavo.OctavoError, match="nothing here runs") as error:
        client.optimize(path, variants=["weight-int8"], batch=4)
    assert error.value.code == grpc.StatusCode.FAILED_PRECONDITION and error.value.reason == "OP_UNSUPPORTED"


def test_a_uint8_model_keeps_its_codes(client, tmp_path):
    """What is carried takes codes: nothing of the model becomes float."""
    def where(model, schema):
        graph = model.subgraphs[0]
        places = tensor(model, schema, "places", "INT64", [0, 4])
        graph.operators.append(operator(model, schema, "WHERE", [int(graph.outputs[0])], [places], schema.WhereOptionsT()))
        graph.outputs = [*graph.outputs, places]
    file = tmp_path / "uint8.tflite"
    file.write_bytes(changed_model(DATA / "learned_ranges" / "uint8.tflite", where))
    result = client.optimize(str(file), out=tmp_path / "out")
    states = {variant.spec.name: variant.State.Name(variant.state) for variant in result.report.variants}
    print(states)
    assert states["original"] == states["io-float32"] == "STATE_SUCCEEDED" and "int8" not in states
    noise = np.random.default_rng(1).uniform(-1, 1, (4, *Model(file).input["shape"][1:])).astype(np.float32)
    assert np.array_equal(Model(result.paths["io-float32.tflite"]).run(noise), Model(file).run(noise))
