"""Uploads: resident memory stays small, broken ones are resumed, bytes that are there are not sent."""

import contextlib
import hashlib
import socket
import threading
import time
import types

import google_crc32c
import numpy as np
import octavo
import pytest
from conftest import data_path, model_path
from octavo.v1 import datasets_pb2, spec_pb2, uploads_pb2

GIB = 1 << 30
CHUNK = bytes(range(256)) * 4096  # 1 MiB


def test_a_gigabyte_takes_little_memory(own_server):
    checksum = google_crc32c.value(CHUNK)

    def messages(name):
        yield uploads_pb2.WriteUploadRequest(name=name, offset=0)
        for _ in range(GIB // len(CHUNK)):
            yield uploads_pb2.WriteUploadRequest(chunk=CHUNK, crc32c=checksum)
        yield uploads_pb2.WriteUploadRequest(finish=True)

    with own_server.client() as client:
        upload = client.uploads.CreateUpload(uploads_pb2.CreateUploadRequest(
            kind=uploads_pb2.UPLOAD_KIND_DATASET, size_bytes=GIB)).upload
        largest, done = [own_server.resident_bytes()], threading.Event()

        def watch():
            while not done.is_set():
                largest.append(own_server.resident_bytes())
                time.sleep(0.01)

        watcher = threading.Thread(target=watch)
        watcher.start()
        begun = time.monotonic()
        written = client.uploads.WriteUpload(messages(upload.name)).upload
        done.set()
        watcher.join()
        print(f"1 GiB in {time.monotonic() - begun:.1f} s, resident memory at most {max(largest) / 1e6:.0f} MB")
        assert written.state == uploads_pb2.Upload.STATE_COMPLETE and written.committed_bytes == GIB
        assert max(largest) < 150e6


class Relay:
    """A way to a server that breaks: connection n is cut after cuts[n] bytes to the server, later ones not at all."""

    def __init__(self, target: str, cuts: list[int], on_cut=lambda: None):
        self.target, self.cuts, self.on_cut = target, cuts, on_cut
        self.sent = []  # bytes to the server, by connection
        self.refused = threading.Event()  # somebody came while the server was away
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=[near], daemon=True).start()

    def _connect(self, near: socket.socket):
        host, port = self.target.rsplit(":", 1)
        with near, contextlib.suppress(OSError):
            try:
                far = socket.create_connection((host, int(port)))
            except ConnectionRefusedError:
                return self.refused.set()
            with far:
                number = len(self.sent)
                self.sent.append(0)
                back = threading.Thread(target=self._copy, args=[far, near], daemon=True)
                back.start()
                self._copy(near, far, number)
                for end in (near, far):
                    end.shutdown(socket.SHUT_RDWR)
                back.join()
        if number < len(self.cuts):
            self.on_cut()

    def _copy(self, source: socket.socket, sink: socket.socket, number: int | None = None):
        with contextlib.suppress(OSError):
            while part := source.recv(1 << 16):
                sink.sendall(part)
                if number is None:
                    continue
                self.sent[number] += len(part)
                if number < len(self.cuts) and self.sent[number] >= self.cuts[number]:
                    return


@pytest.fixture
def file(tmp_path):
    """A data set of 16 MB that no server has seen."""
    path = tmp_path / "arrays.npz"
    np.savez(path, x=np.random.default_rng().integers(0, 256, (4096, 4096), np.uint8))
    return path


def check_is_whole(client, name: str, file) -> None:
    """The server has the file's bytes."""
    dataset = client.datasets.GetDataset(datasets_pb2.GetDatasetRequest(name=name)).dataset
    assert dataset.size_bytes == file.stat().st_size
    assert dataset.digest == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_broken_upload_is_resumed(server, file):
    size = file.stat().st_size
    with Relay(server.address, cuts=[size * 3 // 4]) as relay, octavo.Client(relay.address) as client:
        name = client.upload_dataset(file)
        check_is_whole(client, name, file)
        assert len(relay.sent) == 2
        # From 0 again it would be 1.75 times the file.
        assert size < sum(relay.sent) < 1.5 * size


def test_an_upload_outlives_the_server(own_server, file):
    def restart():
        own_server.kill()
        assert relay.refused.wait(20)
        own_server.start()
        relay.target = own_server.address

    size = file.stat().st_size
    with Relay(own_server.address, [size * 3 // 4], restart) as relay, octavo.Client(relay.address) as client:
        name = client.upload_dataset(file)
        check_is_whole(client, name, file)
        assert len(relay.sent) >= 2 and relay.sent[0] < size


def test_a_chunk_damaged_on_the_way_is_sent_again(client, file, monkeypatch):
    checksums = []

    def value(chunk: bytes) -> int:
        checksums.append(google_crc32c.value(chunk))
        return checksums[-1] ^ (len(checksums) == 3)

    monkeypatch.setattr(octavo.client, "google_crc32c", types.SimpleNamespace(value=value))
    name = client.upload_dataset(file)
    check_is_whole(client, name, file)
    assert checksums.count(checksums[2]) == 2 and checksums.count(checksums[0]) == 1


def test_bytes_that_are_there_are_not_sent(server, file):
    with Relay(server.address, cuts=[]) as relay, octavo.Client(relay.address) as client:
        client.upload_dataset(file)
        before = sum(relay.sent)
        name = client.upload_dataset(file)
        check_is_whole(client, name, file)
        assert sum(relay.sent) - before < 10_000


def test_bytes_and_arrays_are_taken_as_well_as_paths(client):
    with np.load(data_path("mnist")) as data:
        calibration, images, labels = (data[name] for name in ("calib_images", "test_images", "test_labels"))
    with open(model_path("mnist_cnn"), "rb") as file:
        model = file.read()
    scale = octavo.Preprocess(scale=1 / 255)
    result = client.optimize(model, calibrate=calibration[:20], evaluate=(images[:100], labels[:100]), variants="int8",
                             preprocess=scale, benchmark=False)
    assert [v.accuracy.examples for v in result.report.variants] == [100, 100]
    by_name = client.optimize(model, calibrate={"images": calibration[:20]}, evaluate=octavo.Data(
        {"images": images[:100], "classes": labels[:100]}, labels="classes"), variants=["int8"], preprocess=scale,
        benchmark=False)
    assert [v.accuracy.top1 for v in by_name.report.variants] == [v.accuracy.top1 for v in result.report.variants]


def test_what_is_no_goal_and_no_way_to_resize_is_refused(client):
    with pytest.raises(ValueError, match="no goal 'speed'; there are drop, size, latency"):
        client.optimize(model_path("mnist_cnn"), goals={"speed": 1})
    with pytest.raises(ValueError, match="'cubic' is none of nearest, bilinear"):
        octavo.Preprocess(resize=(2, 3, "cubic")).message()
    message = octavo.Preprocess(resize=(2, 3, "nearest"), channels="BGR").message()
    assert (message.resize.height, message.resize.width, message.resize.method) == (2, 3, spec_pb2.RESIZE_METHOD_NEAREST)
    assert message.channel_order == spec_pb2.CHANNEL_ORDER_BGR
