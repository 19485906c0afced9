"""Metrics of targets and recurrent evaluation: what the report says is what LiteRT gives for the same files."""

import functools
import json
import subprocess

import numpy as np
import octavo
import pytest
from conftest import BUILD, DATA, data_path, model_path
from litert import Model

FILE = data_path("portrait")
SCALE = "0.017,0.017,0.017,1/255"
OFFSET = "-1.76698,-1.98526,-2.10256,0"
CLIP = 20  # frames of each of the two clips
VARIANTS = ["float32", "int8", "int8-int8io"]


def run(*args) -> subprocess.CompletedProcess:
    """octavo with these arguments."""
    return subprocess.run([BUILD / "bin" / "octavo", *map(str, args)], capture_output=True, text=True, timeout=300)


def optimize(folder, *args) -> subprocess.CompletedProcess:
    """The portrait net, here, without a benchmark."""
    return run("optimize", model_path("portrait_seg"), "--local", "--no-benchmark", "--out", folder,
               "--calibrate", f"{FILE}:calib_frames+calib_priors", "--evaluate", f"{FILE}:frames+priors",
               "--channels", "bgr", "--scale", SCALE, f"--offset={OFFSET}", *args)


@functools.cache
def frames() -> tuple[np.ndarray, np.ndarray]:
    """The net's inputs with the priors of the data, and the masks."""
    with np.load(FILE) as arrays:
        colours = (arrays["frames"][..., ::-1].astype(np.float32) - [103.94, 116.78, 123.68]) * 0.017
        priors = arrays["priors"][..., None].astype(np.float32) / 255
        return np.concatenate([colours, priors], axis=-1).astype(np.float32), arrays["masks"] > 127


def mean_iou(outputs: np.ndarray) -> float:
    """Over both classes, counted over all frames."""
    ours, masks = outputs.reshape(-1, 224, 224) > 0.5, frames()[1]
    return float(np.mean([(a & b).sum() / (a | b).sum() for a, b in ((ours, masks), (~ours, ~masks))]))


def fed_back(model: Model) -> np.ndarray:
    """Outputs where each frame's prior is what the model said of the frame before."""
    rows = []
    for index, frame in enumerate(frames()[0]):
        if index % CLIP:
            frame = frame.copy()
            frame[..., 3] = rows[-1].reshape(224, 224)
        rows.append(model.dequantize(model.run_codes(frame[None]))[0])
    return np.array(rows)


@pytest.fixture(scope="module")
def portrait(tmp_path_factory):
    """The report and the folder of a job with masks, fed back."""
    folder = tmp_path_factory.mktemp("portrait")
    done = optimize(folder, *(flag for name in VARIANTS for flag in ("--variant", name)), "--metric", "miou",
                    "--targets", "masks", "--recurrent", "->[3]", "--sequence", CLIP, "--goal", "drop<=0.5")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "report.json").read_text()), folder, done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_mean_iou_is_what_litert_gives(portrait, variant):
    report, folder, _ = portrait
    said = next(v for v in report["variants"] if v["spec"]["name"] == variant)
    model = Model(folder / f"{variant}.tflite")
    peer = mean_iou(model.dequantize(model.run_codes(frames()[0])))
    peer_fed = mean_iou(fed_back(model))
    plain = said["metrics"][0]["segmentation"]
    fed = said["recurrence"]["metrics"][0]["segmentation"]
    print(f"{variant}: mIoU {plain['mean_iou']:.5f} / {peer:.5f}, fed back {fed['mean_iou']:.5f} / {peer_fed:.5f}")
    assert abs(plain["mean_iou"] - peer) <= 0.002
    assert abs(fed["mean_iou"] - peer_fed) <= 0.002
    assert peer_fed < peer - 0.02  # so that the two cannot be taken for each other
    if variant == "float32":
        assert plain["mean_iou"] == pytest.approx(0.9605, abs=5e-5)
    assert np.mean([one["iou"] for one in plain["classes"]]) == pytest.approx(plain["mean_iou"])


def test_drift_is_told_step_by_step(portrait):
    report, folder, _ = portrait
    said = next(v for v in report["variants"] if v["spec"]["name"] == "int8")["recurrence"]
    assert said["sequences"] == 2
    assert [point["step"] for point in said["drift"]] == list(range(CLIP))
    assert {point["examples"] for point in said["drift"]} == {2}
    real, ours = (fed_back(Model(folder / f"{name}.tflite")).reshape(2, CLIP, -1) for name in ("float32", "int8"))
    agreement = ((real > 0.5) == (ours > 0.5)).mean(axis=(0, 2))
    assert np.abs(agreement - [point["agreement"] for point in said["drift"]]).max() <= 0.003


def test_goals_hold_of_mean_iou(portrait, tmp_path):
    report, _, table = portrait
    int8 = next(v for v in report["variants"] if v["spec"]["name"] == "int8")
    drops = [int8[run]["metrics"][0]["drop_points"] if run else int8["metrics"][0]["drop_points"] for run in ("", "recurrence")]
    assert int8["goals"][0]["value"] == pytest.approx(max(drops))
    assert int8["meets_goals"] and report["verdict"] == "VERDICT_PASS"
    assert "mIoU %" in table and "fed back %" in table
    done = optimize(tmp_path, "--variant", "int8", "--metric", "miou", "--targets", "masks", "--goal", "drop<=0.001")
    assert "GOALS_MISSED" in done.stdout and done.returncode != 0


def test_page_shows_masks_and_drift(portrait):
    _, folder, _ = portrait
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 4 * (len(VARIANTS) + 1)  # four frames, targets beside each
    assert "Agreement over time" in page and "IoU % of 1" in page


def test_a_lost_part_of_an_output_is_told(tmp_path):
    """Of boxes and scores in one output the scores are lost: its whole SQNR hides it, its parts do not."""
    data = data_path("mnist")
    with np.load(data) as arrays:
        images, labels = arrays["test_images"][:300, ..., None], arrays["test_labels"][:300]
        calib = arrays["calib_images"][:100, ..., None]
    scores = np.eye(10, dtype=np.float32)[labels]
    np.savez(tmp_path / "test.npz", images=images, digit=labels, scores=scores)
    np.savez(tmp_path / "calib.npz", images=calib)
    done = run("optimize", DATA / "models" / "hard_detect" / "float.tflite", "--local", "--no-benchmark",
               "--out", tmp_path / "out", "--variant", "int8", "--variant", "float16", "--calibrate", tmp_path / "calib.npz",
               "--evaluate", f"{tmp_path / 'test.npz'}:images", "--scale", "1/255", "--targets", "[4:14]=digit")
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    by_name = {variant["spec"]["name"]: variant for variant in report["variants"]}
    peer = Model(DATA / "models" / "hard_detect" / "float.tflite")
    inputs = images.astype(np.float32) / np.float32(255)
    assert by_name["float32"]["accuracy"]["top1"] == pytest.approx(
        np.mean(peer.run_codes(inputs)[:, 4:].argmax(axis=1) == labels), abs=1 / 300 + 1e-9)
    outputs = by_name["float16"]["fidelity"]["outputs"]
    assert [output["output"].split(":0")[1] for output in outputs] == ["[0:4]", "[4:14]"]
    assert min(output["sqnr_db"] for output in outputs) > 40
    lost = any(output["sqnr_db"] < 10 for output in by_name["int8"]["fidelity"]["outputs"])
    assert lost == any(warning["reason"] == "OUTPUT_LOST" for warning in report["warnings"])


def test_the_python_client_asks_for_the_same(client, portrait):
    report, _, _ = portrait
    result = client.optimize(
        model_path("portrait_seg"), calibrate=octavo.Data(FILE, {"": ["calib_frames", "calib_priors"]}),
        evaluate=octavo.Data(FILE, {"": ["frames", "priors"]}), variants="int8", benchmark=False,
        preprocess=octavo.Preprocess(channels="bgr", scale=(0.017, 0.017, 0.017, 1 / 255),
                                     offset=(-1.76698, -1.98526, -2.10256, 0)),
        targets="masks", metric="miou", recurrent=octavo.Feedback(channels=3), sequence=CLIP)
    theirs = next(v for v in report["variants"] if v["spec"]["name"] == "int8")
    ours = result.report.variants[1]
    assert ours.metrics[0].segmentation.mean_iou == theirs["metrics"][0]["segmentation"]["mean_iou"]
    assert ours.recurrence.fidelity.sqnr_db == theirs["recurrence"]["fidelity"]["sqnr_db"]


@pytest.mark.parametrize("flags, problem", [
    (["--targets", "faces"], "targets.array: the data set has no array 'faces'"),
    (["--targets", "mask=masks"], "spec.evaluation.targets[0].output: the model has no output 'mask'"),
    (["--targets", "calib_priors"], "does not hold numbers for each of 40 examples"),
    (["--metric", "miou"], "spec.metrics[0]: there are no targets of output"),
    (["--targets", "masks", "--metric", "regression,threshold=x"], "wanted a threshold"),
    (["--targets", "masks", "--metric", "top1"], "classes are one integer an example"),
    (["--recurrent", "->[4]"], "spec.recurrence.feedbacks[0]: channel 4 is none of the 4"),
    (["--recurrent", "->[3]", "--sequence", "priors"], "is no list of integers"),
    (["--recurrent", "->"], "has 50176 values for the 200704 of 4 channels"),
    (["--sequence", "3"], "goes with --recurrent")])
def test_names_what_is_wrong(tmp_path, flags, problem):
    done = optimize(tmp_path / "out", "--variant", "float16", *flags)
    assert done.returncode != 0 and problem in done.stderr, done.stderr
