"""The octavo command: what it prints, writes and exits with."""

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tarfile
import termios
import time
import zipfile
import zlib

import numpy as np
import pytest
from conftest import BUILD, DATA, VARIANTS, data_path, model_path
from test_bad_input import changed

MNIST_FLAGS = ["--calibrate", data_path("mnist") + ":calib_images", "--calibrate-examples", "50", "--evaluate",
               data_path("mnist") + ":test_images:labels=test_labels", "--evaluate-examples", "500", "--scale", "1/255",
               "--benchmark-runs", "20"]
# Takes a second and more, on any machine.
SLOW_FLAGS = ["--evaluate", data_path("mobilenet") + ":fashion28_test", "--scale", "1/255", "--repeat", "8x8x3",
              "--no-benchmark"]


def one_relu() -> bytes:
    """A net without constants."""
    def mutate(model, schema):
        graph = model.subgraphs[0]
        graph.tensors = graph.tensors[:2]
        for tensor, name in zip(graph.tensors, (b"x", b"y")):
            tensor.name, tensor.shape, tensor.shapeSignature, tensor.buffer = name, [1, 4], None, 0
            tensor.type, tensor.quantization = schema.TensorType.FLOAT32, None
        model.operatorCodes = model.operatorCodes[:1]
        model.operatorCodes[0].builtinCode = model.operatorCodes[0].deprecatedBuiltinCode = schema.BuiltinOperator.RELU
        model.operatorCodes[0].version = 1
        relu = schema.OperatorT()
        relu.inputs, relu.outputs = [0], [1]
        graph.operators, graph.inputs, graph.outputs, model.signatureDefs = [relu], [0], [1], []
    return changed(mutate)


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
    names = set(VARIANTS)
    assert {path.name for path in out.iterdir()} == {f"{n}.tflite" for n in names} | {"report.json", "report.html"}
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["variant", "bytes", "ratio"]
    assert [line.split()[0] for line in lines[1:8]][0] == "float32"
    report = json.loads((out / "report.json").read_text())
    assert [v["spec"]["name"] for v in report["variants"]][0] == "float32"
    assert isinstance(report["variants"][0]["artifact"]["size_bytes"], int)
    # Data to standard output, progress to standard error.
    assert "evaluate" in done.stderr and "evaluate" not in done.stdout


NAMED_DATA = {
    # As the help says it: frames and priors side by side, colours swapped, a scale and an offset a channel.
    "portrait": ["portrait_seg", "--calibrate", data_path("portrait") + ":calib_frames+calib_priors", "--evaluate",
                 data_path("portrait") + ":frames+priors", "--channels", "bgr", "--scale", "0.017,0.017,0.017,1/255",
                 "--offset=-1.76698,-1.98526,-2.10256,0"],
    "fashion": ["hard_cle_mild", "--calibrate", data_path("fashion28") + ":calib_images", "--evaluate",
                data_path("fashion28") + ":test_images:labels=test_labels", "--scale", "1/255"],
    "crops": ["mobilenet_v2", "--calibrate", data_path("mobilenet") + ":crops", "--evaluate",
              data_path("mobilenet") + ":crops", "--scale", "1/255", "--resize", "224x224,nearest"],
}


@pytest.mark.parametrize("name", NAMED_DATA)
def test_the_data_is_used_as_it_is(name, tmp_path):
    model, *flags = NAMED_DATA[name]
    done = octavo("optimize", model_path(model), *flags, "--calibrate-examples", "4", "--evaluate-examples", "5",
                  "--variant", "int8", "--no-benchmark", "--out", tmp_path, "--local")
    assert done.returncode == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert [v["fidelity"]["examples"] for v in report["variants"]] == [5, 5]
    page = (tmp_path / "report.html").read_text()
    assert {"portrait": "channels swapped to BGR", "fashion": "test_images", "crops": "nearest"}[name] in page


def png(pixels: np.ndarray) -> bytes:
    """A grey PNG."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    size = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def digits(images: str, labels: str, count: int) -> list[tuple[str, bytes]]:
    """The same digits as files in class folders."""
    arrays = np.load(data_path("mnist"))
    return [(f"digits/{label}/{i:05}.png", png(image))
            for i, (image, label) in enumerate(zip(arrays[images][:count], arrays[labels][:count]))]


def test_archives_of_images_are_data_sets(tmp_path, where):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in digits("calib_images", "calib_labels", 500):
            archive.writestr(path, data)
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        for path, data in digits("test_images", "test_labels", 10000):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    common = ["--scale", "1/255", "--variant", "int8", "--no-benchmark", *where]
    done = octavo("optimize", model_path("mnist_cnn"), "--calibrate", tmp_path / "photos.zip", "--evaluate",
                  tmp_path / "photos.tar", "--out", tmp_path / "images", *common)
    assert done.returncode == 0
    done = octavo("optimize", model_path("mnist_cnn"), "--calibrate", data_path("mnist") + ":calib_images",
                  "--evaluate", data_path("mnist") + ":test_images:labels=test_labels", "--out", tmp_path / "arrays",
                  *common)
    assert done.returncode == 0
    images, arrays = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("images", "arrays"))
    assert images["evaluation"]["examples"] == 10000 and images["evaluation"]["labels"] == "labels"
    # The same pixels, calibrated in another order, whose ranges are the same.
    for one, other in zip(images["variants"], arrays["variants"]):
        assert one["artifact"]["digest"] == other["artifact"]["digest"]
        assert one["accuracy"]["top1"] == other["accuracy"]["top1"] > 0.97
    shown = octavo("inspect", tmp_path / "photos.tar").stdout
    assert "[10000, 28, 28, 1]" in shown and "label  class" in shown


def test_a_link_in_an_archive_is_refused(tmp_path, where):
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        link = tarfile.TarInfo("cat/1.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    done = octavo("optimize", model_path("mnist_cnn"), "--calibrate", tmp_path / "photos.tar", "--variant", "int8",
                  "--out", tmp_path / "out", *where)
    assert done.returncode != 0 and "'cat/1.jpg': it is a link or a device" in done.stderr


def test_a_named_variant_that_the_model_does_not_admit_is_4(tmp_path):
    net = tmp_path / "relu.tflite"
    net.write_bytes(one_relu())
    done = octavo("optimize", net, "--variant", "float16", "--no-benchmark", "--out", tmp_path / "out", "--local")
    assert done.returncode == 4 and "float16 leaves every operator in float" in done.stdout


@pytest.mark.parametrize("words", [["no.tflite"], ["."], [model_path("mnist_cnn"), "--calibrate", "no.npz"],
                                   [model_path("mnist_cnn"), "--evaluate", ".:x"]], ids=str)
def test_a_name_that_is_no_file_leaves_no_folder(tmp_path, where, words):
    done = octavo("optimize", *words, "--out", tmp_path / "out", *where, cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "out").exists()


def test_a_server_s_model_is_none_where_there_is_no_server(tmp_path):
    done = octavo("optimize", "models/" + "a" * 26, "--local", "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "out").exists()


def test_json_output_is_the_report(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "float16", "-o", "json", "--out",
                  tmp_path, *where)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["verdict"] == "VERDICT_PASS" and report["recommended_variant"]
    assert done.stdout == (tmp_path / "report.json").read_text()


def test_same_bytes_whatever_the_threads(tmp_path):
    for threads in (1, 2, 3):
        done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "all", "--no-benchmark",
                      "--threads", threads, "--local", "--no-cache", "--out", tmp_path / str(threads))
        assert done.returncode == 0
    for path in (tmp_path / "1").glob("*.tflite"):
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes() == (tmp_path / "3" / path.name).read_bytes()


def tflite_files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.tflite")}


def test_a_calibration_is_used_again(tmp_path, own_server):
    cached, files = {}, {}
    runs = {"first": ["--local"], "second": ["--local"], "none": ["--local", "--no-cache"],
            "server": ["--server", own_server.address], "again": ["--server", own_server.address]}
    for name, where in runs.items():
        done = octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "int8", "--observer", "auto",
                      "--no-benchmark", *where, "--out", tmp_path / name)
        assert done.returncode == 0
        cached[name] = json.loads((tmp_path / name / "report.json").read_text()).get("calibration_cached", False)
        assert ("taken over from an earlier run" in done.stderr) == cached[name]
        files[name] = tflite_files(tmp_path / name)
    assert cached == {"first": False, "second": True, "none": False, "server": False, "again": True}
    assert all(made == files["first"] for made in files.values())


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(file.read_bytes()[:-100]),
                                    lambda file: file.write_bytes(os.urandom(5000)),
                                    lambda file: file.write_bytes(b""),
                                    lambda file: (file.unlink(), file.mkdir())])
def test_a_damaged_calibration_is_made_anew(tmp_path, own_cache, damage):
    command = ["optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "int8", "--no-benchmark", "--local",
               "--out"]
    assert octavo(*command, tmp_path / "first").returncode == 0
    (file,) = (own_cache / "octavo" / "statistics").iterdir()
    damage(file)
    assert octavo(*command, tmp_path / "second").returncode == 0
    assert not json.loads((tmp_path / "second" / "report.json").read_text()).get("calibration_cached")
    assert tflite_files(tmp_path / "first") == tflite_files(tmp_path / "second")


def test_a_cache_that_cannot_be_is_done_without(tmp_path, own_cache):
    (own_cache / "octavo").write_text("a file")
    assert octavo("optimize", model_path("mnist_cnn"), *MNIST_FLAGS, "--variant", "int8", "--no-benchmark", "--local",
                  "--out", tmp_path / "out").returncode == 0


@pytest.mark.parametrize("unlike", [False, True])
def test_evaluation_data_unlike_the_calibration_data(tmp_path, where, unlike):
    with np.load(data_path("mnist")) as arrays:
        calibrate, evaluate = arrays["calib_images"][:60] / np.float32(255), arrays["test_images"][:100]
    np.savez(tmp_path / "c.npz", x=calibrate)
    np.savez(tmp_path / "e.npz", x=evaluate.astype(np.float32) if unlike else evaluate / np.float32(255))
    done = octavo("optimize", model_path("mnist_cnn"), "--calibrate", tmp_path / "c.npz", "--evaluate",
                  tmp_path / "e.npz", "--variant", "int8", "--no-benchmark", "--out", tmp_path / "out", *where)
    assert done.returncode == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    found = [warning["message"] for warning in report.get("warnings", [])
             if warning["reason"] == "EVALUATION_UNLIKE_CALIBRATION"]
    assert len(found) == unlike
    if unlike:
        assert "outside the 0 to 1 that calibration saw: they go from 0 to 255" in found[0]
        assert f"{100 * (evaluate > 1).mean():.3g} %" in found[0]


def test_all_without_calibration_skips_what_needs_it(tmp_path, where):
    done = octavo("optimize", model_path("mnist_cnn"), "--variant", "all", "--no-benchmark", "--out", tmp_path,
                  "--evaluate", data_path("mnist") + ":test_images:labels=test_labels", "--evaluate-examples", 100,
                  "--scale", "1/255", *where)
    assert done.returncode == 0
    skipped = [line for line in done.stdout.splitlines() if "SKIPPED" in line]
    assert {line.split()[0] for line in skipped} == {name for name in VARIANTS if name.startswith("int")}
    assert all("calibration" in line for line in skipped)


def test_a_quantized_model_gets_other_inputs_and_outputs(tmp_path, where):
    done = octavo("optimize", DATA / "reference" / "mnist_cnn" / "int8_float_io.tflite", "--no-benchmark", "--out", tmp_path,
                  "--evaluate", data_path("mnist") + ":test_images:labels=test_labels", "--evaluate-examples", 100,
                  "--scale", "1/255", *where)
    assert done.returncode == 0
    made = {path.stem for path in tmp_path.glob("*.tflite")}
    assert made == {"original", "io-float32", "io-int8", "io-uint8"}


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
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--scale", "1/zero", "--local"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--local", "--server", "127.0.0.1:1"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--local", "--calibrate-examples", "5"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--local", "--evaluate-examples", "5"],
    ["optimize", model_path("mnist_cnn"), "--out", "x", "--local", "--threads", "257"]])
def test_wrong_usage_exits_with_2(tmp_path, words):
    done = octavo(*words, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr


def unsupported(model, schema):
    """Takes the last operator for one that nobody knows."""
    code = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "MyOwnOperator"


def test_what_is_refused_before_a_job_exits_with_2(tmp_path, where):
    no_calibration = octavo("optimize", model_path("mnist_cnn"), "--variant", "int8", "--out", tmp_path / "a", *where)
    assert no_calibration.returncode == 2 and "calibration" in no_calibration.stderr
    (tmp_path / "own.tflite").write_bytes(changed(unsupported))
    own = octavo("optimize", tmp_path / "own.tflite", "--variant", "float16", "--out", tmp_path / "b", *where)
    assert own.returncode == 2 and "MyOwnOperator" in own.stderr
    other_shape = octavo("optimize", model_path("mnist_cnn"), "--variant", "int8", "--calibrate",
                         data_path("fashion32") + ":calib_images", "--out", tmp_path / "c", *where)
    assert other_shape.returncode == 2 and "TENSOR_MISMATCH" in other_shape.stderr


def test_cancelled_job_exits_with_4(tmp_path, server):
    at = ["--server", server.address]
    words = ["optimize", model_path("mobilenet_v2"), "--calibrate", data_path("mobilenet") + ":fashion28_calib",
             *SLOW_FLAGS, "--variant", "int16x8", "--out", tmp_path, *at]
    with subprocess.Popen([BUILD / "bin" / "octavo", *map(str, words)], stderr=subprocess.PIPE,
                          stdout=subprocess.DEVNULL, text=True) as running:
        job = next(line for line in running.stderr if line.startswith("jobs/")).split()[0]
        assert octavo("jobs", "cancel", job, *at).returncode == 0
        rest = running.stderr.read()
        assert running.wait(timeout=60) == 4
    assert rest.endswith("octavo: the job was cancelled\n")
    assert not list(tmp_path.iterdir())
    # So do those that ask for what it would have made.
    for command in (["jobs", "watch", job], ["report", job], ["download", job, "--out", tmp_path]):
        assert octavo(*command, *at).returncode == 4


def test_files_in_folders_named_like_the_servers(tmp_path, where):
    for source, file in ((model_path("mnist_cnn"), "models/digits.tflite"), (data_path("mnist"), "datasets/test.npz")):
        (tmp_path / file).parent.mkdir()
        shutil.copy(source, tmp_path / file)
    done = octavo("optimize", "models/digits.tflite", "--evaluate", "datasets/test.npz:test_images", "--scale", "1/255",
                  "--evaluate-examples", 10, "--variant", "float16", "--no-benchmark", "--out", "out", *where,
                  cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "out" / "float16.tflite").exists()


def test_long_name_of_a_file_is_cut_between_characters(tmp_path, server):
    path = tmp_path / ("m" * 126 + "\u00e4" * 20 + ".tflite")
    shutil.copy(model_path("mnist_cnn"), path)
    done = octavo("upload", "model", path, "--server", server.address, "-o", "json")
    assert done.returncode == 0 and json.loads(done.stdout)["display_name"] == "m" * 126 + "\u00e4"


def test_variant_of_an_earlier_job_is_named(tmp_path, where):
    (tmp_path / "int4.tflite").write_bytes(b"old")
    done = octavo("optimize", model_path("mnist_cnn"), "--variant", "float16", "--no-benchmark", "--out", tmp_path,
                  *where)
    assert done.returncode == 0 and "int4.tflite" in done.stderr and "float16.tflite" not in done.stderr


def test_local_without_the_benchmark_lock(tmp_path):
    lock = "/tmp/octavo-benchmark.lock"
    inside = ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {lock} && exec "$@"']
    os.mkfifo(tmp_path / "fifo")  # no file to lock
    with contextlib.suppress(FileExistsError):
        os.close(os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o666))
    if subprocess.run([*inside, tmp_path / "fifo", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    for benchmark in (["--benchmark-runs", "20"], ["--no-benchmark"]):
        done = subprocess.run([*inside, tmp_path / "fifo", BUILD / "bin" / "octavo", "optimize",
                               model_path("mnist_cnn"), "--variant", "float16", *benchmark, "--local", "--out",
                               tmp_path / "out"], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr


def drawn(columns: int, *words) -> list[str]:
    """What the command draws on a terminal of so many columns, a line a redrawing."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([BUILD / "bin" / "octavo", *map(str, words)], stdout=subprocess.DEVNULL, stderr=its) as running:
        os.close(its)
        text = b""
        with contextlib.suppress(OSError):  # the other side is closed
            while part := os.read(ours, 65536):
                text += part
        os.close(ours)
    assert running.returncode == 0, text
    return [line.split("\n")[0].rstrip() for line in text.decode().split("\r\x1b[K")]


def test_progress_has_rate_and_time_left_in_80_columns(tmp_path):
    lines = drawn(80, "optimize", model_path("mobilenet_v2"), *SLOW_FLAGS, "--evaluate-examples", 400, "--variant",
                  "float32", "--local", "--out", tmp_path)
    print("\n".join(lines))
    assert any(re.search(r"evaluate float32 .* of 400 examples, [\d.]+/s, .* left$", line) for line in lines)
    assert all(len(line) < 80 for line in lines if "examples" in line)


def test_serve_starts_a_server_that_ends_by_sigterm(tmp_path):
    ready = tmp_path / "ready"
    with subprocess.Popen([BUILD / "bin" / "octavo", "serve", "--listen", "127.0.0.1:0", "--data", tmp_path / "data",
                           "--ready-file", ready, "--metrics-listen", "127.0.0.1:0"]) as serving:
        deadline = time.monotonic() + 20
        while not ready.exists():
            assert serving.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        assert octavo("jobs", "list", "--server", ready.read_text().strip()).returncode == 0
        # The environment names a server as well as the flag.
        environment = os.environ | {"OCTAVO_SERVER": ready.read_text().strip()}
        assert octavo("jobs", "list", env=environment).returncode == 0
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=60) == 0


@pytest.mark.parametrize("words", [
    ["octavo"], ["octavo", "serve"], ["octavo", "optimize"], ["octavo", "upload", "model"],
    ["octavo", "upload", "dataset"], ["octavo", "jobs", "list"], ["octavo", "jobs", "get"], ["octavo", "jobs", "watch"],
    ["octavo", "jobs", "cancel"], ["octavo", "download"], ["octavo", "report"], ["octavo", "inspect"], ["octavod"]])
def test_help_has_an_example(words):
    done = subprocess.run([BUILD / "bin" / words[0], *words[1:], "--help"], capture_output=True, text=True, check=True)
    assert re.search(r"Examples?:\n  " + " ".join(words), done.stdout)


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
    # One JSON form of a report, whichever command gives it.
    assert octavo("report", job, "-o", "json", *at).stdout == (tmp_path / "b" / "report.json").read_text()
    assert json.loads(octavo("jobs", "get", job, "-o", "json", *at).stdout)["state"] == "STATE_SUCCEEDED"


def test_inspect_shows_operators_and_arrays(tmp_path):
    shown = octavo("inspect", model_path("mnist_cnn")).stdout
    assert "CONV_2D" in shown and "FULLY_CONNECTED" in shown and "28, 28" in shown
    assert "test_images" in octavo("inspect", data_path("mnist")).stdout
    info = json.loads(octavo("inspect", model_path("mnist_cnn"), "-o", "json").stdout)
    assert {op["name"] for op in info["operators"]} >= {"CONV_2D", "MAX_POOL_2D"}
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 2), np.float32))
    assert "float32" in octavo("inspect", tmp_path / "a.npz").stdout
