"""Every artifact loads and runs in LiteRT, gives there what our runtime gives, and scores what our report says."""

import numpy as np
import pytest
from conftest import NETS, VARIANTS, images, labels
from litert import Model, top1
from own_runtime import run_codes

INT8 = ["int8-int8io", "int8-uint8io"]


def skip_where_ruined(net: str, variant: str) -> None:
    """Of 0 dB is left nothing to compare: after 35 layers of noise the outputs hang on the last bits of the first."""
    if (net, variant) == ("mobilenet", "dynamic-int4"):
        pytest.skip("int4 per channel ruins MobileNetV2; the other nets compare its kernels")


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_our_runtime_gives(request, net, variant):
    skip_where_ruined(net, variant)
    result = request.getfixturevalue(net)
    path = result.paths[f"{variant}.tflite"]
    examples = images(NETS[net].data, NETS[net].evaluate, 60)
    peer = Model(path)
    theirs = peer.run_codes(examples)
    ours = run_codes(peer, path, examples)
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
    elif variant.startswith("int16x8"):
        assert difference.max() <= 1e-3 * np.ptp(theirs.astype(np.float64))
    else:
        assert difference.max() <= 0.01 * np.ptp(theirs)


def output_scale(result, variant: str) -> float:
    """Real value of one code of a variant's output."""
    return variant_of(result.report, variant).outputs[0].scale


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_gives_what_the_reference_kernels_give(request, net, variant):
    skip_where_ruined(net, variant)
    result = request.getfixturevalue(net)
    path = result.paths[f"{variant}.tflite"]
    examples = images(NETS[net].data, NETS[net].evaluate, 8)
    peer = Model(path, reference=True)
    theirs = peer.dequantize(peer.run_codes(examples))
    ours = peer.dequantize(run_codes(peer, path, examples, "reference"))
    worst = np.abs(ours - theirs).max() / np.ptp(theirs)
    print(f"{net} {variant}: our own kernels, largest difference {worst:.3g} of the range")
    assert worst <= {"float32": 1e-4, "float16": 1e-4, "int16x8": 1e-3, "int16x8-int16io": 1e-3}.get(variant, 0.03)


def variant_of(report, name: str):
    """A report's row."""
    return next(variant for variant in report.variants if variant.spec.name == name)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_scores_what_the_report_says(request, report_on_first, net, variant):
    """A report on the first images says within 0.2 points what LiteRT scores on the same ones."""
    skip_where_ruined(net, variant)
    quick = tuple(name for name in VARIANTS if not name.startswith("int16"))
    count, variants = (200, quick) if net == "mobilenet" else (1000, tuple(VARIANTS))
    if variant not in variants:
        count, variants = 40, (variant,)  # LiteRT takes 0.2 s for each
    result = request.getfixturevalue(net)
    said = variant_of(report_on_first(net, count, variants), variant)
    assert said.accuracy.examples == count
    # The artifact does not depend on what is evaluated: this report is about the file that runs here.
    assert said.artifact.digest == variant_of(result.report, variant).artifact.digest
    examples, truth = images(NETS[net].data, NETS[net].evaluate, count), labels(NETS[net].data, NETS[net].labels, count)
    peer = top1(Model(result.paths[f"{variant}.tflite"]).run(examples), truth)
    print(f"{net} {variant}: top-1 of {count}: report {said.accuracy.top1:.4f}, LiteRT {peer:.4f}")
    assert abs(said.accuracy.top1 - peer) <= 0.002 + 1e-9


@pytest.mark.parametrize("net", NETS)
def test_the_report_counts_what_litert_counts(request, net):
    """All that was evaluated in LiteRT too, for the variants that are quick there."""
    result = request.getfixturevalue(net)
    count = variant_of(result.report, "float32").accuracy.examples
    assert count >= 300
    examples, truth = images(NETS[net].data, NETS[net].evaluate, count), labels(NETS[net].data, NETS[net].labels, count)
    for name in ("float32", "int8-int8io"):
        said = variant_of(result.report, name)
        peer = top1(Model(result.paths[f"{name}.tflite"]).run(examples), truth)
        print(f"{net} {name}: report {said.accuracy.top1:.4f}, LiteRT {peer:.4f}")
        assert said.accuracy.examples == len(examples)
        assert abs(said.accuracy.top1 - peer) <= 0.002
