"""Every artifact loads and runs in LiteRT, gives there what our runtime gives, and scores what our report says."""

import subprocess

import numpy as np
import pytest
from conftest import BUILD, images, labels
from litert import Model, top1

NETS = {"mnist": ("mnist", "test_images", "test_labels"),
        "resnet": ("fashion32", "test_images", "test_labels"),
        "mobilenet": ("mobilenet", "fashion28_test", "fashion_test_labels")}
VARIANTS = ["float32", "float16", "dynamic-int8", "int8", "int8-int8io", "int8-uint8io", "int16x8"]
INT8 = ["int8-int8io", "int8-uint8io"]


def our_codes(peer: Model, path, examples: np.ndarray, folder, *flags: str) -> np.ndarray:
    """What our executor gives for the same bytes that the peer gets."""
    peer.quantize(examples).tofile(folder / "in")
    subprocess.run([BUILD / "tests" / "run_model", path, folder / "in", folder / "out", *flags], check=True)
    return np.fromfile(folder / "out", dtype=peer.output["dtype"]).reshape(len(examples), -1)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_our_runtime_gives(request, tmp_path, net, variant):
    result = request.getfixturevalue(net)
    path = result.paths[f"{variant}.tflite"]
    examples = images(*NETS[net][:2], 60)
    if net == "mobilenet" and variant == "int16x8":
        examples = examples[:20]  # LiteRT takes 0.2 s for each
    peer = Model(path)
    theirs = peer.run_codes(examples)
    ours = our_codes(peer, path, examples, tmp_path)
    difference = np.abs(ours.astype(np.float64) - theirs)
    print(f"{net} {variant}: largest difference {difference.max():.3g}, identical {np.mean(difference == 0):.4%}")
    if variant in ("float32", "float16"):
        assert difference.max() <= 1e-4 * np.ptp(theirs)
    elif variant in INT8:
        # The delegate takes these graphs whole.
        assert difference.max() <= 1 and np.mean(difference == 0) >= 0.999
    elif variant == "int8":
        # Codes behind a DEQUANTIZE.
        scale = output_scale(result, "int8-int8io")
        assert difference.max() <= 1.01 * scale and np.mean(difference < scale / 2) >= 0.999
    elif variant == "int16x8":
        assert difference.max() <= 1e-3 * np.ptp(theirs)
    else:
        assert difference.max() <= 0.01 * np.ptp(theirs)


def output_scale(result, variant: str) -> float:
    """Real value of one code of a variant's output."""
    report = next(v for v in result.report.variants if v.spec.name == variant)
    return report.outputs[0].scale


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_the_reference_kernels_give(request, tmp_path, net, variant):
    result = request.getfixturevalue(net)
    path = result.paths[f"{variant}.tflite"]
    examples = images(*NETS[net][:2], 8)
    if net == "mobilenet" and variant == "int16x8":
        examples = examples[:4]
    peer = Model(path, reference=True)
    theirs = peer.dequantize(peer.run_codes(examples))
    ours = peer.dequantize(our_codes(peer, path, examples, tmp_path, "reference"))
    worst = np.abs(ours - theirs).max() / np.ptp(theirs)
    print(f"{net} {variant}: our own kernels, largest difference {worst:.3g} of the range")
    assert worst <= {"float32": 1e-4, "float16": 1e-4, "int16x8": 1e-3}.get(variant, 0.03)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_what_the_report_says(request, net, variant):
    """Top-1 of the report is over all examples: the same ones for mnist and resnet within 0.2 points."""
    result = request.getfixturevalue(net)
    data, array, label_array = NETS[net]
    path = result.paths[f"{variant}.tflite"]
    count = 40 if (net, variant) == ("mobilenet", "int16x8") else 200 if net == "mobilenet" else 1000
    examples, truth = images(data, array, count), labels(data, label_array, count)
    peer = top1(Model(path).run(examples), truth)
    ours = top1(run_all(path, examples, request.getfixturevalue("tmp_path")), truth)
    print(f"{net} {variant}: top-1 of {count}: {ours:.4f}, LiteRT {peer:.4f}")
    assert abs(ours - peer) <= 0.002 + 1e-9


def run_all(path, examples, folder) -> np.ndarray:
    """Our outputs as real numbers."""
    peer = Model(path)
    return peer.dequantize(our_codes(peer, path, examples, folder))


@pytest.mark.parametrize("net", NETS)
def test_the_report_counts_what_litert_counts(request, net):
    """The whole evaluation set in LiteRT, for the variants that are quick there."""
    result = request.getfixturevalue(net)
    data, array, label_array = NETS[net]
    examples, truth = images(data, array), labels(data, label_array)
    for variant in result.report.variants:
        if variant.spec.name not in ("float32", "int8-int8io"):
            continue
        peer = top1(Model(result.paths[f"{variant.spec.name}.tflite"]).run(examples), truth)
        print(f"{net} {variant.spec.name}: report {variant.accuracy.top1:.4f}, LiteRT {peer:.4f}")
        assert variant.accuracy.examples == len(examples)
        assert abs(variant.accuracy.top1 - peer) <= 0.002
