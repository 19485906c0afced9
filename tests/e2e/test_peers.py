"""Our artifacts beside TFLiteConverter's, both run in LiteRT on the same images in the same test."""

import hashlib

import pytest
from conftest import DATA, NETS, VARIANTS, images, labels, model_path
from litert import Model, agreement, sqnr_db, top1

REFERENCES = {
    "float16": "float16", "dynamic-int8": "dynamic_int8", "int8": "int8_float_io", "int8-int8io": "int8_int8_io",
    "int8-uint8io": "int8_uint8_io", "int16x8": "int16x8_float_io",
}
SETS = {"mnist": ("mnist_cnn", "mnist"), "resnet": ("resnet18_slim", "fashion32")}


@pytest.mark.parametrize("net", SETS)
@pytest.mark.parametrize("variant", REFERENCES)
def test_is_as_good_and_as_small_as_the_converter(request, net, variant):
    result = request.getfixturevalue(net)
    model, data = SETS[net]
    peer_path = DATA / "reference" / model / f"{REFERENCES[variant]}.tflite"
    ours_path = result.paths[f"{variant}.tflite"]
    assert ours_path.stat().st_size <= 1.01 * peer_path.stat().st_size

    examples, truth = images(data, "test_images"), labels(data, "test_labels")
    real = Model(model_path(model)).run(examples)
    ours, peer = Model(ours_path).run(examples), Model(peer_path).run(examples)
    print(f"{net} {variant}: bytes {ours_path.stat().st_size} / {peer_path.stat().st_size}, SQNR "
          f"{sqnr_db(ours, real):.2f} / {sqnr_db(peer, real):.2f} dB, top-1 {top1(ours, truth):.4f} / {top1(peer, truth):.4f}")
    assert sqnr_db(ours, real) >= sqnr_db(peer, real) - 0.5
    assert top1(ours, truth) >= top1(peer, truth) - 0.003


@pytest.mark.parametrize("net", SETS)
def test_float_is_as_small_as_the_converters(request, net):
    ours = request.getfixturevalue(net).paths["float32.tflite"].stat().st_size
    peer = DATA / "models" / SETS[net][0] / "float.tflite"
    print(f"{net} float32: bytes {ours} / {peer.stat().st_size}")
    assert ours <= 1.01 * peer.stat().st_size


# Bytes of ai-edge-quantizer's files, which leave no weights in float: dynamic and weight-only, int8 and int4.
NO_THRESHOLD = {
    "mnist": (24400, 24664, 14208, 14472), "resnet": (107040, 109616, 65080, 67664),
    "mobilenet": (2522176, 2530960, 1559600, 1564304),
}


@pytest.mark.parametrize("net", NO_THRESHOLD)
def test_is_as_small_where_no_weights_stay_float(client, net, tmp_path):
    variants = ["dynamic-int8", "weight-int8", "dynamic-int4", "weight-int4"]
    result = NETS[net].optimize(client, examples=1, variants=variants, min_weights=1, benchmark=False, out=tmp_path)
    for variant, peer in zip(variants, NO_THRESHOLD[net], strict=True):
        ours = result.paths[f"{variant}.tflite"].stat().st_size
        print(f"{net} {variant}: bytes {ours} / {peer}")
        assert ours <= 1.01 * peer, variant


@pytest.mark.parametrize("array, least_sqnr, least_agreement", [
    ("fashion28_test", 15.6 - 0.5, 0.931 - 0.01), ("crops", 12.5 - 0.5, 0.833 - 2 / 60)])
def test_mobilenet_int8_is_as_good_as_the_converters(mobilenet, array, least_sqnr, least_agreement):
    examples = images("mobilenet", array)
    real = Model(model_path("mobilenet_v2")).run(examples)
    ours = Model(mobilenet.paths["int8.tflite"]).run(examples)
    print(f"mobilenet int8 on {array}: SQNR {sqnr_db(ours, real):.2f} dB, agreement {agreement(ours, real):.4f}")
    assert sqnr_db(ours, real) >= least_sqnr
    assert agreement(ours, real) >= least_agreement


@pytest.mark.parametrize("net", ["mnist", "resnet", "mobilenet"])
def test_every_variant_is_a_file_of_its_own(request, net):
    result = request.getfixturevalue(net)
    assert [variant.spec.name for variant in result.report.variants] == VARIANTS
    digests = {hashlib.sha256(result.paths[f"{name}.tflite"].read_bytes()).hexdigest() for name in VARIANTS}
    assert len(digests) == len(VARIANTS)
