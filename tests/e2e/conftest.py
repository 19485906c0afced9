"""A real octavod for the session, and the three nets' jobs run once."""

import contextlib
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


CALIB100 = 100


@pytest.fixture(scope="session")
def mnist(client, tmp_path_factory):
    """Every variant of mnist_cnn, 100 calibration images, 10,000 test images."""
    return client.optimize(
        model_path("mnist_cnn"), preprocess=octavo.Preprocess(scale=1 / 255),
        calibrate=octavo.Data(data_path("mnist"), {"": "calib_images"}, examples=CALIB100),
        evaluate=octavo.Data(data_path("mnist"), {"": "test_images"}, labels="test_labels"),
        out=tmp_path_factory.mktemp("mnist"))


@pytest.fixture(scope="session")
def resnet(client, tmp_path_factory):
    """Every variant of resnet18_slim on the 2,000 test images."""
    return client.optimize(
        model_path("resnet18_slim"), preprocess=octavo.Preprocess(scale=1 / 255),
        calibrate=octavo.Data(data_path("fashion32"), {"": "calib_images"}, examples=CALIB100),
        evaluate=octavo.Data(data_path("fashion32"), {"": "test_images"}, labels="test_labels"),
        out=tmp_path_factory.mktemp("resnet"))


@pytest.fixture(scope="session")
def mobilenet(client, tmp_path_factory):
    """Every variant of mobilenet_v2, calibrated like the peer, on 1,000 test images."""
    return client.optimize(
        model_path("mobilenet_v2"), preprocess=octavo.Preprocess(scale=1 / 255, repeat=(8, 8, 3)),
        calibrate=octavo.Data(data_path("mobilenet"), {"": "fashion28_calib"}, examples=CALIB100),
        evaluate=octavo.Data(data_path("mobilenet"), {"": "fashion28_test"}, labels="fashion_test_labels"),
        out=tmp_path_factory.mktemp("mobilenet"))


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
