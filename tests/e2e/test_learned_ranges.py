"""Models that bring their ranges: FAKE_QUANT of quantization-aware training, and uint8 throughout. LiteRT runs both; what
is made of them has their scales and gives what they give."""

import numpy as np
import pytest
from conftest import DATA
from litert import Model
from own_runtime import run_codes
from test_litert import variant_of

import octavo

FOLDER = DATA / "learned_ranges"
MODELS = ["fake_quant", "uint8", "uint8_asymmetric"]
COUNT = 64
# Where int8 does not hold all weights.
LARGEST = {"uint8_asymmetric": 2}
MADE = ["float16", "int8", "int8-int8io", "int8-uint8io", "int8-pertensor", "int16x8"]


def examples(count: int = COUNT) -> np.ndarray:
    """Images of smooth noise in [-1, 1]; others than the ranges are of."""
    rng = np.random.default_rng(20)
    coarse = rng.uniform(-1, 1, (count, 8, 8, 3)).repeat(2, axis=1).repeat(2, axis=2)
    return (coarse * 0.8 + rng.uniform(-0.2, 0.2, coarse.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> str:
    """The examples as a data set."""
    path = tmp_path_factory.mktemp("data") / "images.npz"
    np.savez(path, images=examples())
    return str(path)


@pytest.fixture(scope="module", params=MODELS)
def job(request, client, data, tmp_path_factory):
    """A model's name, and every variant of it: without a calibration set."""
    return request.param, client.optimize(FOLDER / f"{request.param}.tflite", benchmark=False,
                                          evaluate=octavo.Data(data, {"": "images"}),
                                          out=tmp_path_factory.mktemp(request.param))


def test_a_variant_that_is_named_needs_none_either(client, data):
    report = client.optimize(FOLDER / "fake_quant.tflite", variants="int8-int8io", benchmark=False,
                             evaluate=octavo.Data(data, {"": "images"})).report
    assert variant_of(report, "int8-int8io").fidelity.sqnr_db > 30


def fake_quant_codes(low: float, high: float) -> tuple[np.float32, int]:
    """Scale and zero point of the int8 that the range stands for, by TFLite's rule."""
    scale = np.float32(high - low) / np.float32(255)
    return scale, int(np.clip(np.round(-low / scale), 0, 255)) - 128


def learned_codes(name: str) -> list[tuple[np.float32, int]]:
    """What each activation of the given model is to have in int8, by order of its operators."""
    from ai_edge_litert import schema_py_generated as schema
    model = schema.ModelT.InitFromPackedBuf((FOLDER / f"{name}.tflite").read_bytes(), 0)
    graph = model.subgraphs[0]
    if name.startswith("uint8"):
        places = [graph.inputs[0]] + [op.outputs[0] for op in graph.operators]
        params = [graph.tensors[place].quantization for place in places]
        return [(np.float32(p.scale[0]), int(p.zeroPoint[0]) - 128) for p in params]
    options = [op.builtinOptions for op in graph.operators
               if op.builtinOptionsType == schema.BuiltinOptions.FakeQuantOptions
               and graph.tensors[op.inputs[0]].buffer == 0]
    return [fake_quant_codes(o.min, o.max) for o in options]


def artifact_codes(path) -> list[tuple[float, int]]:
    """Scale and zero point of each int8 activation of a file."""
    tensors = Model(path, reference=True).interpreter.get_tensor_details()
    return [tensor["quantization"] for tensor in tensors
            if tensor["dtype"] == np.int8 and tensor["quantization_parameters"]["scales"].size == 1]


def test_every_variant_is_made_without_a_calibration_set(job):
    name, result = job
    assert result.report.variants[0].spec.name == ("float32" if name == "fake_quant" else "original")
    for variant in MADE:
        report = variant_of(result.report, variant)
        assert report.state == report.STATE_SUCCEEDED, f"{variant}: {report.error.message}{report.skip_reason}"
    reasons = {warning.reason for warning in result.report.warnings}
    assert "LEARNED_RANGES" in reasons
    assert ("UINT8_AS_FLOAT" in reasons) == (name.startswith("uint8"))


def test_scales_are_those_that_were_learned(job):
    name, result = job
    found = artifact_codes(result.paths["int8-int8io.tflite"])
    for scale, zero_point in learned_codes(name):
        near = [z for s, z in found if abs(s - scale) <= 2.4e-7 * scale]
        assert zero_point in near, (scale, zero_point, found)
        if name.startswith("uint8"):
            assert scale in [np.float32(s) for s, _ in found]


def as_int8(codes: np.ndarray) -> np.ndarray:
    """Codes of int8 or uint8 as those of int8."""
    return codes.astype(np.int32) - (128 if codes.dtype == np.uint8 else 0)


@pytest.mark.parametrize("variant", ["int8-int8io", "int8-uint8io"])
@pytest.mark.parametrize("reference", [False, True], ids=["xnnpack", "reference"])
def test_gives_what_litert_gives_for_the_model_as_it_came(job, variant, reference):
    name, result = job
    images = examples()
    given = Model(FOLDER / f"{name}.tflite", reference=True)
    ours = Model(result.paths[f"{variant}.tflite"], reference=reference)
    if name.startswith("uint8"):
        difference = np.abs(as_int8(ours.run_codes(images)) - as_int8(given.run_codes(images)))
    else:
        scale = ours.output["quantization"][0]
        difference = np.abs(np.round((ours.run(images) - given.run(images)) / scale))
    print(f"{name} {variant}: {np.mean(difference == 0):.2%} of {difference.size} codes the same, "
          f"largest difference {difference.max():.0f}")
    assert difference.max() <= LARGEST.get(name, 1)


def test_the_baseline_is_the_model_as_it_came(job, tmp_path):
    """Fidelity is held against its roundings; a uint8 file is handed back as it was."""
    name, result = job
    baseline = result.report.variants[0]
    given = FOLDER / f"{name}.tflite"
    path = result.paths[f"{baseline.spec.name}.tflite"]
    images = examples()
    theirs = Model(given, reference=True).run_codes(images)
    np.testing.assert_array_equal(Model(path, reference=True).run_codes(images), theirs)
    if name == "fake_quant":
        ours = run_codes(Model(path, reference=True), path, images)
        step = fake_quant_step(path)
        difference = np.abs(ours - theirs) / step
        print(f"fake_quant: our kernels differ by up to {difference.max():.3f} steps, "
              f"{np.mean(difference > 0.5):.2%} of the outputs by one")
        assert difference.max() <= 1.01
    int8 = variant_of(result.report, "int8")
    assert int8.fidelity.sqnr_db > 30


def fake_quant_step(path) -> float:
    """The step of the last FAKE_QUANT."""
    from ai_edge_litert import schema_py_generated as schema
    graph = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0).subgraphs[0]
    options = graph.operators[-1].builtinOptions
    return (options.max - options.min) / 255


def test_weights_are_not_rounded_twice(job):
    """Those that int8 holds keep their codes; the others are stored anew."""
    name, result = job
    weighted = [row for row in variant_of(result.report, "int8").operators if row.HasField("weights_sqnr_db")]
    print(name, {row.name: round(row.weights_sqnr_db, 1) for row in weighted})
    assert weighted
    for row in weighted:
        assert row.weights_sqnr_db > (45 if name == "uint8_asymmetric" else 130), row.name


def test_a_range_that_is_missing_needs_a_calibration_set(client, data, tmp_path):
    model = FOLDER / "fake_quant_part.tflite"
    evaluate = octavo.Data(data, {"": "images"})
    result = client.optimize(model, benchmark=False, evaluate=evaluate)
    assert variant_of(result.report, "int8").skip_reason == "there is no calibration set"
    result = client.optimize(model, benchmark=False, evaluate=evaluate, calibrate=octavo.Data(data, {"": "images"}),
                             variants=["int8-int8io"], out=tmp_path)
    found = artifact_codes(result.paths["int8-int8io.tflite"])
    for scale, zero_point in learned_codes("fake_quant_part"):
        assert zero_point in [z for s, z in found if abs(s - scale) <= 2.4e-7 * scale]
