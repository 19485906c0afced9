"""Uploads: resident memory stays small, broken ones are resumed, bytes that are there are not sent."""

import hashlib
import threading
import time

import google_crc32c
import grpc
import pytest
from octavo.v1 import uploads_pb2

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


def test_a_broken_upload_is_resumed(client):
    content = b"octavo" * 200_000 + str(time.time_ns()).encode()
    upload = client.uploads.CreateUpload(uploads_pb2.CreateUploadRequest(
        kind=uploads_pb2.UPLOAD_KIND_MODEL, size_bytes=len(content),
        digest=hashlib.sha256(content).hexdigest())).upload
    half = content[: len(content) // 2]

    def breaks_off():
        yield uploads_pb2.WriteUploadRequest(name=upload.name, offset=0)
        yield uploads_pb2.WriteUploadRequest(chunk=half, crc32c=google_crc32c.value(half))
        yield uploads_pb2.WriteUploadRequest(chunk=b"damaged on the way", crc32c=1)

    with pytest.raises(grpc.RpcError) as caught:
        client.uploads.WriteUpload(breaks_off())
    assert caught.value.code() == grpc.StatusCode.DATA_LOSS
    committed = client.uploads.GetUpload(uploads_pb2.GetUploadRequest(name=upload.name)).upload.committed_bytes
    assert committed == len(half)
    rest = content[committed:]

    def goes_on():
        yield uploads_pb2.WriteUploadRequest(name=upload.name, offset=committed)
        yield uploads_pb2.WriteUploadRequest(chunk=rest, crc32c=google_crc32c.value(rest), finish=True)

    assert client.uploads.WriteUpload(goes_on()).upload.state == uploads_pb2.Upload.STATE_COMPLETE
    again = client.uploads.CreateUpload(uploads_pb2.CreateUploadRequest(
        kind=uploads_pb2.UPLOAD_KIND_MODEL, size_bytes=len(content), digest=hashlib.sha256(content).hexdigest()))
    assert again.already_exists
