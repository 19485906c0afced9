"""What is wrong is refused by name, and the server goes on."""

import pathlib

import grpc
import numpy as np
import octavo
import pytest
from conftest import data_path, model_path
from litert import changed_model

MNIST = pathlib.Path(model_path("mnist_cnn"))


@pytest.fixture(autouse=True)
def goes_on(server, client):
    """After each test the same process still answers."""
    yield
    assert server.process.poll() is None
    assert client.upload_model(model_path("mnist_cnn")).startswith("models/")


def refused(call, *args, **kwargs) -> octavo.OctavoError:
    """The error that a call ends with."""
    with pytest.raises(octavo.OctavoError) as caught:
        call(*args, **kwargs)
    print(caught.value)
    return caught.value


def optimize(client, **kwargs):
    """A small job on mnist_cnn."""
    kwargs.setdefault("preprocess", octavo.Preprocess(scale=1 / 255))
    return client.optimize(str(MNIST), benchmark=False, **kwargs)


def test_text_as_a_model(client):
    error = refused(client.upload_model, b"this is no model\n" * 100)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and error.reason == "MODEL_MALFORMED"


def test_eight_bytes(client):
    assert refused(client.upload_model, b"\x08\x00\x00\x00TFL3").code == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_truncated_model(client, keep):
    content = MNIST.read_bytes()
    error = refused(client.upload_model, content[: int(keep * len(content))])
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and error.reason == "MODEL_MALFORMED"


def changed(mutate) -> bytes:
    """mnist_cnn with its tables changed by `mutate(model, schema)`."""
    return changed_model(MNIST, mutate)


def test_index_out_of_range(client):
    def mutate(model, schema):
        del schema
        operator = model.subgraphs[0].operators[-1]
        operator.inputs = [9999, *operator.inputs[1:]]
    error = refused(client.upload_model, changed(mutate))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and "9999" in error.message


def test_unknown_union_type(client):
    content = bytearray(changed(lambda model, schema: None))
    from ai_edge_litert import schema_py_generated as schema
    model = schema.Model.GetRootAs(content, 0)
    for i in range(model.Subgraphs(0).OperatorsLength()):
        operator = model.Subgraphs(0).Operators(i)
        field = operator._tab.Offset(10)  # builtin_options_type
        if field and operator.BuiltinOptionsType():
            content[operator._tab.Pos + field] = 254
            break
    error = refused(client.upload_model, bytes(content))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and error.reason == "MODEL_MALFORMED"


def test_unsupported_operator(client):
    def mutate(model, schema):
        code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        code.builtinCode = schema.BuiltinOperator.CUSTOM
        code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "MyOwnOperator"
    error = refused(client.upload_model, changed(mutate))
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION and error.reason == "OP_UNSUPPORTED"
    assert "MyOwnOperator" in error.message


def test_sparse_tensor(client):
    names = []

    def mutate(model, schema):
        tensor = next(t for t in model.subgraphs[0].tensors if t.shape is not None and list(t.shape) == [10, 2028])
        sparsity = schema.SparsityParametersT()
        sparsity.traversalOrder, sparsity.blockMap = [0, 1], []
        dense = [schema.DimensionMetadataT() for _ in range(2)]
        for axis, size in zip(dense, tensor.shape):
            axis.denseSize = int(size)
        sparsity.dimMetadata = dense
        tensor.sparsity = sparsity
        names.append(tensor.name.decode().split(";")[0])
    error = refused(client.upload_model, changed(mutate))
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION and error.reason == "OP_UNSUPPORTED"
    assert f"sparse tensor '{names[0]}'" in error.message


def test_data_that_is_no_archive(client):
    with pytest.raises(octavo.OctavoError) as caught:
        client.upload_dataset(str(pathlib.Path(__file__)))
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_shape_that_does_not_fit(client):
    error = refused(optimize, client, variants="int8", calibrate=np.zeros((10, 32, 32), np.uint8))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and error.reason == "TENSOR_MISMATCH"
    assert "input 'serving_default_keras_tensor:0' takes [28, 28]" in error.message and "gives [32, 32]" in error.message


def test_labels_out_of_range(client):
    evaluate = (np.zeros((10, 28, 28), np.uint8), np.full(10, 17))
    error = refused(optimize, client, variants="float16", evaluate=evaluate)
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and "17" in error.message


def test_nan_in_calibration(client):
    calibrate = np.random.default_rng(7).random((10, 28, 28), np.float32)
    calibrate[6, 3, 4] = np.nan
    error = refused(optimize, client, variants="int8", calibrate=calibrate, preprocess=())
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT and "example 6" in error.message


def test_static_scheme_without_calibration(client):
    error = refused(optimize, client, variants="int8")
    assert error.code == grpc.StatusCode.FAILED_PRECONDITION and error.reason == "NO_CALIBRATION"
    assert "calibration set" in error.message and "int8" in error.message


def test_unknown_variant(client):
    with pytest.raises(ValueError, match="int3"):
        optimize(client, variants="int3")
    from octavo.v1 import jobs_pb2
    request = jobs_pb2.CreateJobRequest()
    request.spec.model = client.upload_model(str(MNIST))
    request.spec.variants.add(scheme=99)
    with pytest.raises(grpc.RpcError) as caught:
        client.jobs.CreateJob(request)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "variants" in caught.value.details()


def test_ambiguous_arrays_are_listed(client):
    error = refused(optimize, client, variants="int8", calibrate=data_path("mnist"))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "calib_images" in error.message and "test_images" in error.message
