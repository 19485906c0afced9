"""The octavo command: what it prints, writes and exits with."""

import json
import subprocess

import numpy as np
import pytest
from conftest import BUILD, data_path, model_path

MNIST_FLAGS = ["--calibrate", data_path("mnist") + ":calib_images", "--calibrate-examples", "50", "--evaluate",
               data_path("mnist") + ":test_images:labels=test_labels", "--evaluate-examples", "500", "--scale", "1/255",
               "--benchmark-runs", "20"]


def octavo(*words, **kwargs) -> subprocess.CompletedProcess:
    """Runs the command."""
    done = subprocess.run([BUILD / "bin" / "octavo", *map(str, words)], capture_output=True, text=True, timeout=300,
                          check=False, **kwargs)
    print(done.stdout, done.stderr)
    return done


@pytest.fixture(params=["server", "local"])
def where(request):
    """With a server and without."""
    return ["--server", request.getfixturevalue("server").address] if request.param == "server" else ["--local"]


def test_optimize_writes_variants_and_report(tmp_path, where):
    out = tmp_path / "out"
    done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "all", "--out", out, *where)
    assert done.returncode == 0
    names = {"float32", "float16", "dynamic-int8", "int8", "int8-int8io", "int8-uint8io", "int16x8"}
    assert {path.name for path in out.iterdir()} == {f"{n}.tflite" for n in names} | {"report.json", "report.html"}
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["variant", "bytes", "ratio"]
    assert [line.split()[0] for line in lines[1:8]][0] == "float32"
    report = json.loads((out / "report.json").read_text())
    assert [v["spec"]["name"] for v in report["variants"]][0] == "float32"
    assert isinstance(report["variants"][0]["artifact"]["size_bytes"], int)
    # Data to standard output, progress to standard error.
    assert "evaluate" in done.stderr and "evaluate" not in done.stdout


def test_json_output_is_the_report(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "float16", "-o", "json", "--out",
                  tmp_path, *where)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["verdict"] == "VERDICT_PASS" and report["recommended_variant"]


def test_same_bytes_whatever_the_threads(tmp_path):
    for threads in (1, 2, 3):
        done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "all", "--no-benchmark",
                      "--threads", threads, "--local", "--out", tmp_path / str(threads))
        assert done.returncode == 0
    for path in (tmp_path / "1").glob("*.tflite"):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes() == (tmp_path / "3" / path.name).read_bytes()


def test_all_without_calibration_skips_what_needs_it(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), "--variant", "all", "--no-benchmark", "--out", tmp_path,
                  "--evaluate", data_path("mnist") + ":test_images:labels=test_labels", "--evaluate-examples", 100,
                  "--scale", "1/255", *where)
    assert done.returncode == 0
    skipped = [line for line in done.stdout.splitlines() if "SKIPPED" in line]
    assert {line.split()[0] for line in skipped} == {"int8", "int8-int8io", "int8-uint8io", "int16x8"}
    assert all("calibration" in line for line in skipped)


def test_without_evaluation_there_is_fidelity_and_no_accuracy(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS[:4], "--scale", "1/255", "--variant", "int8",
                  "--no-benchmark", "--out", tmp_path, *where)
    assert done.returncode == 0
    heading = done.stdout.splitlines()[0]
    assert "sqnr" in heading and "top-1" not in heading


def test_missed_goals_exit_with_3(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "int8", "--goal", "size<=0.01x",
                  "--out", tmp_path, *where)
    assert done.returncode == 3 and "GOALS_MISSED" in done.stdout


@pytest.mark.parametrize("words", [
    ["optimize"], ["optimize", "m.tflite", "--out", "x", "--variant", "int3", "--local"], ["frobnicate"],
    ["optimize", "missing.tflite", "--out", "x", "--local"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--goal", "speed<=3", "--local"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--scale", "1/zero", "--local"]])
def test_wrong_usage_exits_with_2(tmp_path, words):
    done = octavo(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr


def test_no_server_exits_with_5_and_says_how_to_start_one(tmp_path):
    done = octavo("optimize", model_path("mnist_cnn"), "--variant", "float16", "--out", tmp_path, "--server",
                  "127.0.0.1:1")
    assert done.returncode == 5 and "octavo serve" in done.stderr


def test_jobs_upload_download_report(tmp_path, server):
    at = ["--server", server.address]
    model = octavo("upload", "model", model_path("mnist_cnn"), *at).stdout.strip()
    dataset = octavo("upload", "dataset", data_path("mnist"), *at).stdout.strip()
    assert model.startswith("models/") and dataset.startswith("datasets/")
    done = octavo("optimize", model, "--evaluate", f"{dataset}:test_images:labels=test_labels", "--evaluate-examples",
                  100, "--scale", "1/255", "--variant", "float16", "--no-benchmark", "--out", tmp_path / "a", *at)
    assert done.returncode == 0
    jobs = octavo("jobs", "list", "--limit", 1, *at).stdout.splitlines()
    job = jobs[1].split()[0]
    assert jobs[1].split()[1] == "SUCCEEDED"
    assert "float16.tflite" in octavo("jobs", "get", job, *at).stdout
    assert octavo("jobs", "watch", job, *at).returncode == 0
    assert octavo("download", job, "--out", tmp_path / "b", *at).returncode == 0
    assert (tmp_path / "a" / "float16.tflite").read_bytes() == (tmp_path / "b" / "float16.tflite").read_bytes()
    assert "float16" in octavo("report", job, *at).stdout


def test_inspect_shows_operators_and_arrays(tmp_path):
    shown = octavo("inspect", model_path("mnist_cnn")).stdout
    assert "CONV_2D" in shown and "FULLY_CONNECTED" in shown and "28, 28" in shown
    assert "test_images" in octavo("inspect", data_path("mnist")).stdout
    info = json.loads(octavo("inspect", model_path("mnist_cnn"), "-o", "json").stdout)
    assert {op["name"] for op in info["operators"]} >= {"CONV_2D", "MAX_POOL_2D"}
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2), np.float32))
    assert "float32" in octavo("inspect", tmp_path / "a.npz").stdout
