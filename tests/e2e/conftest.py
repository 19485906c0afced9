"""A real octavod for the session, and the three nets' jobs run once."""

import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OCTAVO_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(BUILD / "python"))
DATA = ROOT / "tests" / "data"

import octavo  # noqa: E402


def model_path(name: str, file: str = "float.tflite") -> str:
    """A float model of the test data."""
    return str(DATA / "models" / name / file)


def data_path(name: str) -> str:
    """An .npz file of the test data."""
    return str(DATA / "data" / f"{name}.npz")


class Server:
    """An octavod on loopback with a folder of its own."""

    def __init__(self, folder: pathlib.Path, *flags: str):
        self.folder, self.flags, self.process, self.address = folder, flags, None, ""
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        ready = self.folder / "address"
        ready.unlink(missing_ok=True)
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [BUILD / "bin" / "octavod", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
             "--data", self.folder / "data", "--ready-file", ready, *self.flags],
            stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 20
        while not (ready.exists() and ready.read_text().strip()):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-4000:]
            assert time.monotonic() < deadline, "octavod is not ready after 20 s"
            time.sleep(0.02)
        self.address = ready.read_text().strip()

    def client(self) -> octavo.Client:
        """A client of its own."""
        return octavo.Client(self.address)

    def children(self) -> list[int]:
        """The pids of running engines."""
        pids = []
        for path in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                pids += [int(pid) for pid in path.read_text().split()]
        return sorted(set(pids))

    def resident_bytes(self) -> int:
        """Resident memory of the server's process."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def kill(self) -> None:
        """As the kernel would: no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """The folder of what commands keep, for one test alone."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Shared by the tests that do it no harm."""
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def own_server(tmp_path):
    """For a test that kills it."""
    running = Server(tmp_path / "server")
    yield running
    if running.process.poll() is None:
        assert running.stop() == 0


@pytest.fixture(scope="session")
def client(server):
    """A client of the shared server."""
    with server.client() as shared:
        yield shared


# All that there are, in the order of a report.
# The long tier, of `make test-all`.
IS_LONG = os.environ.get("OCTAVO_LONG") == "1"
VARIANTS = ["float32", "float16", "weight-int8", "weight-int4", "dynamic-int8", "dynamic-int4", "int8", "int8-int8io",
            "int8-uint8io", "int8-pertensor", "int16x8", "int16x8-int16io"]


class Net:
    """A net of the test data and the arrays that its job uses; calibrated like the peers, on the first 100 images."""

    def __init__(self, model: str, data: str, calibrate: str, evaluate: str, labels: str, repeat=None):
        self.model, self.data, self.calibrate, self.evaluate, self.labels = model, data, calibrate, evaluate, labels
        self.preprocess = octavo.Preprocess(scale=1 / 255, repeat=repeat)

    def optimize(self, client: octavo.Client, examples: int = 0, **kwargs) -> octavo.Result:
        """Its job; evaluated on all test images, or on the first so many."""
        return client.optimize(
            model_path(self.model), preprocess=self.preprocess,
            calibrate=octavo.Data(data_path(self.data), {"": self.calibrate}, examples=100),
            evaluate=octavo.Data(data_path(self.data), {"": self.evaluate}, labels=self.labels, examples=examples),
            **kwargs)


NETS = {
    "mnist": Net("mnist_cnn", "mnist", "calib_images", "test_images", "test_labels"),
    "resnet": Net("resnet18_slim", "fashion32", "calib_images", "test_images", "test_labels"),
    "mobilenet": Net("mobilenet_v2", "mobilenet", "fashion28_calib", "fashion28_test", "fashion_test_labels",
                     repeat=(8, 8, 3)),
}


@pytest.fixture(scope="session")
def mnist(client, tmp_path_factory):
    """Every variant of mnist_cnn on the 10,000 test images."""
    return NETS["mnist"].optimize(client, out=tmp_path_factory.mktemp("mnist"))


@pytest.fixture(scope="session")
def resnet(client, tmp_path_factory):
    """Every variant of resnet18_slim on the 2,000 test images."""
    return NETS["resnet"].optimize(client, out=tmp_path_factory.mktemp("resnet"))


@pytest.fixture(scope="session")
def mobilenet(client, tmp_path_factory):
    """Every variant of mobilenet_v2 on 300 test images, or on all 1,000."""
    return NETS["mobilenet"].optimize(client, examples=0 if IS_LONG else 300, out=tmp_path_factory.mktemp("mobilenet"))


@pytest.fixture(scope="session")
def report_on_first(client):
    """report_on_first(net, count, variants): the report of a job that evaluates the first `count` images only."""
    return functools.cache(lambda net, count, variants: NETS[net].optimize(
        client, examples=count, variants=variants, benchmark=False).report)


def images(name: str, array: str, count: int | None = None) -> np.ndarray:
    """Examples as the float model takes them."""
    with np.load(data_path(name)) as arrays:
        values = arrays[array][:count].astype(np.float32)
    if array.startswith("fashion28"):
        values = np.repeat(np.repeat(values, 8, axis=1), 8, axis=2)[..., None].repeat(3, axis=-1)
    return values * np.float32(1 / 255)


def labels(name: str, array: str, count: int | None = None) -> np.ndarray:
    """One class an example."""
    with np.load(data_path(name)) as arrays:
        return arrays[array][:count]
