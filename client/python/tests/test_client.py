"""What the client makes of a server that breaks off, loses answers and damages bytes."""

import collections
import hashlib
import os
import pathlib
import sys
from concurrent import futures

import google_crc32c
import grpc
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("OCTAVO_BUILD", ROOT / "build" / "release"))
sys.path.insert(0, str(BUILD / "python"))

import octavo  # noqa: E402
from octavo.v1 import (artifacts_pb2, artifacts_pb2_grpc, datasets_pb2, datasets_pb2_grpc, jobs_pb2,  # noqa: E402
                       jobs_pb2_grpc, models_pb2, models_pb2_grpc, uploads_pb2, uploads_pb2_grpc)

CHUNK = 1000
CONTENT = np.random.default_rng(7).bytes(5 * CHUNK + 17)  # six chunks
ID = "abcdefghijklmnopqrstuvwx27"
JOB = f"jobs/{ID}"
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class FakeServer(uploads_pb2_grpc.UploadServiceServicer, models_pb2_grpc.ModelServiceServicer,
                 datasets_pb2_grpc.DatasetServiceServicer, jobs_pb2_grpc.JobServiceServicer,
                 artifacts_pb2_grpc.ArtifactServiceServicer):
    """One upload and one job of five events, as octavod has them, and trouble as a test orders it.

    trouble: method -> what its next calls meet, in order. (n, code): ends with the code after n chunks or events.
    "lost": does all of it and loses the answer. "damaged": the second chunk's CRC32C. A call without trouble succeeds.
    """

    def __init__(self):
        self.trouble = collections.defaultdict(list)
        self.calls = collections.defaultdict(list)  # method -> requests; of WriteUpload the first messages
        self.received, self.complete = bytearray(), False
        self.state = jobs_pb2.Job.STATE_SUCCEEDED
        self.jobs_made = {}
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
        for services in (uploads_pb2_grpc, models_pb2_grpc, datasets_pb2_grpc, jobs_pb2_grpc, artifacts_pb2_grpc):
            name = next(name for name in dir(services) if name.startswith("add_"))
            getattr(services, name)(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self):
        """Until nothing runs."""
        self._server.stop(None).wait()

    def _begin(self, method, request, context):
        """Notes the call; gives its trouble, or ends it at once where that is due after nothing."""
        self.calls[method].append(request)
        trouble = self.trouble[method].pop(0) if self.trouble[method] else None
        self._end_after(trouble, 0, context)
        return trouble

    @staticmethod
    def _end_after(trouble, count, context):
        if isinstance(trouble, tuple) and trouble[0] == count:
            context.abort(trouble[1], "as the test orders")

    def _upload(self):
        states = uploads_pb2.Upload
        return uploads_pb2.Upload(name=f"uploads/{ID}", committed_bytes=len(self.received),
                                  state=states.STATE_COMPLETE if self.complete else states.STATE_OPEN)

    def CreateUpload(self, request, context):  # noqa: N802
        trouble = self._begin("CreateUpload", request, context)
        if trouble == "lost":
            context.abort(UNAVAILABLE, "the answer is lost")
        return uploads_pb2.CreateUploadResponse(upload=self._upload(), already_exists=self.complete, chunk_bytes=CHUNK)

    def GetUpload(self, request, context):  # noqa: N802
        self._begin("GetUpload", request, context)
        return uploads_pb2.GetUploadResponse(upload=self._upload())

    def WriteUpload(self, messages, context):  # noqa: N802
        first = next(messages)
        trouble = self._begin("WriteUpload", first, context)
        if self.complete:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it is complete")
        if first.offset != len(self.received):
            context.abort(grpc.StatusCode.OUT_OF_RANGE, "the offset is not the committed size")
        for count, message in enumerate(messages, 1):
            if message.chunk and google_crc32c.value(message.chunk) != message.crc32c:
                context.abort(grpc.StatusCode.DATA_LOSS, "a chunk's CRC32C")
            self.received += message.chunk
            self.complete = message.finish
            self._end_after(trouble, count, context)
        if trouble == "lost":
            context.abort(UNAVAILABLE, "the answer is lost")
        return uploads_pb2.WriteUploadResponse(upload=self._upload())

    def CreateModel(self, request, context):  # noqa: N802
        self._begin("CreateModel", request, context)
        return models_pb2.CreateModelResponse(
            model=models_pb2.Model(name=f"models/{ID}", state=models_pb2.Model.STATE_READY))

    def CreateDataset(self, request, context):  # noqa: N802
        self._begin("CreateDataset", request, context)
        return datasets_pb2.CreateDatasetResponse(
            dataset=datasets_pb2.Dataset(name=f"datasets/{ID}", state=datasets_pb2.Dataset.STATE_READY))

    def CreateJob(self, request, context):  # noqa: N802
        trouble = self._begin("CreateJob", request, context)
        self.jobs_made[request.request_id] = request.spec
        if trouble == "lost":
            context.abort(UNAVAILABLE, "the answer is lost")
        return jobs_pb2.CreateJobResponse(job=jobs_pb2.Job(name=JOB, state=jobs_pb2.Job.STATE_PENDING))

    def WatchJob(self, request, context):  # noqa: N802
        trouble = self._begin("WatchJob", request, context)
        yield jobs_pb2.WatchJobResponse(snapshot=jobs_pb2.Job(name=JOB, state=jobs_pb2.Job.STATE_RUNNING))
        for number in range(request.after_number + 1, 6):
            yield jobs_pb2.WatchJobResponse(event=jobs_pb2.JobEvent(number=number))
            self._end_after(trouble, number, context)
        if trouble != "silent":
            yield jobs_pb2.WatchJobResponse(snapshot=self.job())

    def GetReport(self, request, context):  # noqa: N802
        self._begin("GetReport", request, context)
        return jobs_pb2.GetReportResponse()

    def DownloadArtifact(self, request, context):  # noqa: N802
        trouble = self._begin("DownloadArtifact", request, context)
        for count, start in enumerate(range(request.offset, len(CONTENT), CHUNK), 1):
            chunk = CONTENT[start:start + CHUNK]
            damage = trouble == "damaged" and count == 2
            yield artifacts_pb2.DownloadArtifactResponse(chunk=chunk, crc32c=google_crc32c.value(chunk) ^ damage)
            self._end_after(trouble, count, context)

    def job(self):
        """As it ends: with one artifact, if it succeeds."""
        job = jobs_pb2.Job(name=JOB, state=self.state)
        if self.state == jobs_pb2.Job.STATE_SUCCEEDED:
            job.artifacts.add(name="artifacts/0", file_name="int8.tflite", digest=hashlib.sha256(CONTENT).hexdigest())
        return job

    def offsets(self, method):
        """Where each stream began."""
        return [request.offset for request in self.calls[method]]


class FakeTime:
    """Pauses that take no time."""

    def __init__(self):
        self.slept = 0.0

    def sleep(self, seconds):
        """Time passes."""
        self.slept += seconds


@pytest.fixture
def server():
    running = FakeServer()
    yield running
    running.stop()


@pytest.fixture
def clock(monkeypatch):
    """In place of the client's."""
    fake = FakeTime()
    monkeypatch.setattr(octavo.client, "time", fake)
    return fake


@pytest.fixture
def client(server, clock):
    with octavo.Client(server.address, patience=10) as connected:
        yield connected


# Names and paths


def test_a_path_below_models_or_datasets_is_a_path(server, client, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in ("models/digits.tflite", f"models/{ID}.tflite", "datasets/train.npz"):
        pathlib.Path(path).parent.mkdir(exist_ok=True)
        pathlib.Path(path).write_bytes(CONTENT)
    assert client.upload_model("models/digits.tflite") == f"models/{ID}"
    assert client.upload_model(f"models/{ID}.tflite") == f"models/{ID}"
    assert client.upload_dataset("datasets/train.npz") == f"datasets/{ID}"
    assert [request.display_name for request in server.calls["CreateModel"]] == ["digits.tflite", f"{ID}.tflite"]
    assert [request.display_name for request in server.calls["CreateDataset"]] == ["train.npz"]


def test_a_resource_is_used_as_it_is(server, client):
    assert client.upload_model(f"models/{ID}") == f"models/{ID}"
    assert client.upload_dataset(f"datasets/{ID}") == f"datasets/{ID}"
    assert not server.calls


def test_a_long_name_is_shown_in_128_bytes(server, client, tmp_path):
    path = tmp_path / ("x" + "é" * 80 + ".tflite")  # the 128th byte is half of a letter
    path.write_bytes(CONTENT)
    client.upload_model(path)
    assert server.calls["CreateModel"][0].display_name == "x" + "é" * 63


# Uploads


def test_an_upload_goes_on_where_it_broke(server, client):
    server.trouble["WriteUpload"] = [(2, UNAVAILABLE), (3, UNAVAILABLE)]
    client.upload_model(CONTENT)
    assert server.received == CONTENT and server.complete
    assert server.offsets("WriteUpload") == [0, 2 * CHUNK, 5 * CHUNK]


def test_a_server_that_is_away_for_a_while_is_waited_for(server, client):
    server.trouble["CreateUpload"] = [(0, UNAVAILABLE)] * 2
    server.trouble["WriteUpload"] = [(2, UNAVAILABLE)]
    server.trouble["GetUpload"] = [None] + [(0, UNAVAILABLE)] * 5
    server.trouble["CreateModel"] = [(0, UNAVAILABLE)] * 2
    assert client.upload_model(CONTENT) == f"models/{ID}"
    assert server.received == CONTENT
    assert server.offsets("WriteUpload") == [0, 2 * CHUNK]
    assert len({request.request_id for request in server.calls["CreateUpload"]}) == 1


def test_patience_begins_anew_with_every_byte(server, client, clock):
    server.trouble["WriteUpload"] = [(1, UNAVAILABLE)] * 5
    # 6.3 s of pauses each time, more than the 10 s of patience in all.
    server.trouble["GetUpload"] = ([None] + [(0, UNAVAILABLE)] * 5) * 4
    client.upload_model(CONTENT)
    assert server.received == CONTENT
    assert clock.slept > 20


def test_patience_ends(server, client, clock):
    server.trouble["GetUpload"] = [None] + [(0, UNAVAILABLE)] * 100
    server.trouble["WriteUpload"] = [(2, UNAVAILABLE)]
    with pytest.raises(octavo.OctavoError) as caught:
        client.upload_model(CONTENT)
    assert caught.value.code == UNAVAILABLE
    assert 10 <= clock.slept < 16


def test_a_finish_whose_answer_is_lost_is_not_written_again(server, client):
    server.trouble["WriteUpload"] = ["lost"]
    assert client.upload_model(CONTENT) == f"models/{ID}"
    assert server.received == CONTENT
    assert server.offsets("WriteUpload") == [0]


@pytest.mark.parametrize("code", ["OUT_OF_RANGE", "ABORTED", "DATA_LOSS", "FAILED_PRECONDITION"])
def test_what_the_stream_before_left_behind_is_asked_for(server, client, code):
    server.trouble["WriteUpload"] = [(2, UNAVAILABLE), (0, grpc.StatusCode[code])]
    client.upload_model(CONTENT)
    assert server.received == CONTENT
    assert server.offsets("WriteUpload") == [0, 2 * CHUNK, 2 * CHUNK]


def test_an_upload_that_is_refused_is_not_tried_again(server, client, clock):
    server.trouble["WriteUpload"] = [(6, grpc.StatusCode.INVALID_ARGUMENT)]
    with pytest.raises(octavo.OctavoError) as caught:
        client.upload_model(CONTENT)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert clock.slept == 0


def test_bytes_that_are_there_are_not_sent(server, client):
    server.complete = True
    assert client.upload_model(CONTENT) == f"models/{ID}"
    assert not server.calls["WriteUpload"]


# Jobs


def test_a_job_is_made_once_when_the_answer_is_lost(server, client, tmp_path):
    server.trouble["CreateJob"] = ["lost", (0, UNAVAILABLE)]
    server.trouble["GetReport"] = [(0, UNAVAILABLE)]
    result = client.optimize(f"models/{ID}", variants=["float16"], out=tmp_path)
    assert len(server.calls["CreateJob"]) == 3
    assert len(server.jobs_made) == 1 and "" not in server.jobs_made
    assert result.paths["int8.tflite"].read_bytes() == CONTENT


def test_a_watch_goes_on_after_the_last_event(server, client):
    server.trouble["WatchJob"] = [(2, UNAVAILABLE), (0, UNAVAILABLE), (4, UNAVAILABLE), "silent"]
    seen = []
    job = client.watch(JOB, lambda event: seen.append(event.number))
    assert job.state == jobs_pb2.Job.STATE_SUCCEEDED
    assert [request.after_number for request in server.calls["WatchJob"]] == [0, 2, 2, 4, 5]
    assert seen == [1, 2, 3, 4, 5]


def test_a_watch_of_no_job_ends_at_once(server, client, clock):
    server.trouble["WatchJob"] = [(0, grpc.StatusCode.NOT_FOUND)]
    with pytest.raises(octavo.OctavoError) as caught:
        client.watch(JOB)
    assert caught.value.code == grpc.StatusCode.NOT_FOUND
    assert clock.slept == 0


def test_a_cancelled_job_fails_as_cancelled(server, client):
    server.state = jobs_pb2.Job.STATE_CANCELLED
    with pytest.raises(octavo.JobFailed) as caught:
        client.optimize(f"models/{ID}", variants="float16")
    assert caught.value.code == grpc.StatusCode.CANCELLED
    assert str(caught.value) == f"CANCELLED: {JOB} was cancelled"


# Downloads


@pytest.mark.parametrize("trouble, offsets", [
    ([], [0]),
    ([(0, UNAVAILABLE), (2, UNAVAILABLE), (1, UNAVAILABLE)], [0, 0, 2 * CHUNK, 3 * CHUNK]),
    (["damaged"], [0, CHUNK]),
])
def test_a_download_goes_on_where_it_broke(server, client, tmp_path, trouble, offsets):
    server.trouble["DownloadArtifact"] = trouble
    paths = client.download(server.job(), tmp_path / "out")
    assert paths == {"int8.tflite": tmp_path / "out" / "int8.tflite"}
    assert paths["int8.tflite"].read_bytes() == CONTENT
    assert os.listdir(tmp_path / "out") == ["int8.tflite"]
    assert server.offsets("DownloadArtifact") == offsets


def test_bytes_of_another_digest_are_not_kept(server, client, tmp_path):
    job = server.job()
    job.artifacts[0].digest = "0" * 64
    with pytest.raises(octavo.OctavoError) as caught:
        client.download(job, tmp_path)
    assert caught.value.code == grpc.StatusCode.DATA_LOSS
    assert not os.listdir(tmp_path)


def test_what_is_damaged_at_the_server_is_not_asked_for_again(server, client, clock, tmp_path):
    server.trouble["DownloadArtifact"] = [(3, grpc.StatusCode.DATA_LOSS)]
    (tmp_path / "int8.tflite").write_bytes(b"from the job before")
    with pytest.raises(octavo.OctavoError) as caught:
        client.download(server.job(), tmp_path)
    assert caught.value.code == grpc.StatusCode.DATA_LOSS
    assert clock.slept == 0
    assert os.listdir(tmp_path) == ["int8.tflite"]
    assert (tmp_path / "int8.tflite").read_bytes() == b"from the job before"


# Connecting


def test_where_nobody_listens_nobody_is_waited_for():
    nobody = FakeServer()
    nobody.stop()
    with pytest.raises(octavo.OctavoError) as caught:
        octavo.Client(nobody.address, connect_timeout=0.2)
    assert str(caught.value) == f"UNAVAILABLE: no Octavo server answers at {nobody.address}"
