"""What a report says of causes, held against LiteRT, and `octavo compare`."""

import json
import os
import pathlib
import subprocess

import pytest
from ai_edge_litert.interpreter import Interpreter
from conftest import BUILD, DATA, NETS, data_path, model_path
from litert import delegate_parts

MODELS = sorted([*DATA.glob("models/*/*.tflite"), *DATA.glob("reference/*/*.tflite")])


def litert_parts(path: pathlib.Path) -> tuple[int, set[int]] | None:
    """How many parts LiteRT's XNNPACK delegate makes of a model, and the operators outside; None: LiteRT refuses it."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    try:
        interpreter.allocate_tensors()
    except RuntimeError:
        return None
    return delegate_parts(interpreter)


def estimated_parts(paths: list[pathlib.Path]) -> list[tuple[int, set[int]]]:
    """The same by our own estimate."""
    done = subprocess.run([BUILD / "tests" / "print_delegate_parts", *paths], capture_output=True, text=True, check=True)
    numbers = [[int(number) for number in line.split()] for line in done.stdout.splitlines()]
    return [(parts, set(outside)) for parts, *outside in numbers]


def test_delegate_parts_are_litert_s():
    known = {path: litert_parts(path) for path in MODELS}
    paths = [path for path, parts in known.items() if parts is not None]
    assert len(paths) > 80
    estimates = dict(zip(paths, estimated_parts(paths), strict=True))
    assert {path.relative_to(DATA): estimates[path] for path in paths} == {path.relative_to(DATA): known[path] for path in paths}


def test_report_has_litert_s_number_for_every_variant(mnist, resnet):
    checked = 0
    for result in (mnist, resnet):
        for variant in result.report.variants:
            known = litert_parts(result.paths[variant.artifact.file_name])
            if known is None:
                continue
            checked += 1
            assert variant.delegate.parts == known[0], variant.spec.name
            assert variant.delegate.operators - variant.delegate.delegated == len(known[1]), variant.spec.name
    assert checked > 15


def test_operators_have_their_errors_alone_and_in_place(mnist):
    int8 = next(variant for variant in mnist.report.variants if variant.spec.name == "int8")
    conv = next(op for op in int8.operators if op.type == "CONV_2D")
    assert 30 < conv.sqnr_alone_db < 60 and 30 < conv.sqnr_db < 60
    assert conv.range_min < conv.range_max
    report = json.loads(mnist.paths["report.json"].read_text())
    row = next(variant for variant in report["variants"] if variant["spec"]["name"] == "int8")["operators"][conv.index]
    assert row["sqnr_alone_db"] == conv.sqnr_alone_db


def test_both_backends_stand_side_by_side(client):
    result = NETS["mnist"].optimize(client, examples=100, variants="int8", benchmark=False, backend="both")
    int8 = result.report.variants[1]
    assert int8.backends.operators >= 5 and int8.backends.examples == 4
    assert abs(int8.backends.reference_fidelity.sqnr_db - int8.fidelity.sqnr_db) < 1
    assert all(difference.max_codes > 1 for difference in int8.backends.differences)
    alone = NETS["mnist"].optimize(client, examples=100, variants="int8", benchmark=False, backend="reference")
    assert alone.report.variants[1].fidelity.sqnr_db == pytest.approx(int8.backends.reference_fidelity.sqnr_db, abs=0.01)
    assert not alone.report.variants[1].HasField("backends")
    with pytest.raises(ValueError, match="none of xnnpack, reference, both"):
        NETS["mnist"].optimize(client, variants="int8", backend="gpu")


def compare(*arguments) -> subprocess.CompletedProcess:
    """Runs `octavo compare`."""
    return subprocess.run([BUILD / "bin" / "octavo", "compare", *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "NO_COLOR": "1"}, check=False)


def test_compare_prints_the_worst_tensors():
    done = compare(model_path("resnet18_slim"), DATA / "reference" / "resnet18_slim" / "int8_uint8_io.tflite",
                   "--data", f"{data_path('fashion32')}:test_images", "--scale", "1/255", "--examples", "20")
    assert done.returncode == 0, done.stderr
    assert "outputs over 20 examples: SQNR" in done.stdout
    assert "the worst 10 of" in done.stdout


def test_compare_as_json_has_every_tensor():
    done = compare(model_path("mnist_cnn"), DATA / "reference" / "mnist_cnn" / "int8_float_io.tflite",
                   "--data", f"{data_path('mnist')}:test_images", "--scale", "1/255", "--examples", "20", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["outputs"]["examples"] == "20" and found["outputs"]["sqnr_db"] > 30
    assert {"CONV_2D", "FULLY_CONNECTED"} <= {tensor.get("operator_type") for tensor in found["tensors"]}


def test_compare_refuses_models_of_other_borders():
    done = compare(model_path("mnist_cnn"), model_path("resnet18_slim"), "--data", f"{data_path('mnist')}:test_images")
    assert done.returncode == 2
    assert "input 0 of model a is" in done.stderr and "TENSOR_MISMATCH" in done.stderr


def test_compare_says_how_it_is_used():
    done = compare("--help")
    assert done.returncode == 0 and "Example:\n  octavo compare " in done.stdout
