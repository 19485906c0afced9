"""What is killed comes back, what kills itself is not tried for ever, and nothing is lost."""

import os
import pathlib
import signal
import threading
import time

import grpc
import octavo
import pytest
from conftest import Server, data_path, model_path
from octavo.v1 import jobs_pb2


def submit(client, model: str | bytes = model_path("resnet18_slim")) -> str:
    """A job of some seconds; gives its name."""
    request = jobs_pb2.CreateJobRequest()
    request.spec.model = client.upload_model(model)
    request.spec.evaluation.dataset = client.upload_dataset(data_path("fashion32"))
    request.spec.evaluation.bindings.add(arrays=["test_images"])
    request.spec.evaluation.labels = "test_labels"
    request.spec.calibration.dataset = request.spec.evaluation.dataset
    request.spec.calibration.bindings.add(arrays=["calib_images"])
    request.spec.preprocess.add(scale=[1 / 255])
    request.spec.all_variants = True
    return client.jobs.CreateJob(request).job.name


def engine_of(server: Server, seconds: float = 20) -> int:
    """The pid of the job's engine, once it runs (an inspection is over before the job is there)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pid in server.children():
            return pid
        time.sleep(0.01)
    raise AssertionError("no engine was started")


def engine_at_work(server: Server, client, job: str, seconds: float = 60) -> int:
    """The pid of the job's engine in the middle of its work: it has told how far the first evaluation is."""
    updates = client.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job), timeout=seconds)
    for update in updates:
        progress = update.event.progress if update.HasField("event") else update.snapshot.progress
        if progress.stage == jobs_pb2.STAGE_EVALUATE:
            updates.cancel()
            return engine_of(server)
    raise AssertionError("the job ended before it evaluated anything")


def states(client, job: str) -> list[int]:
    """Every state that an ended job was in, in order."""
    updates = client.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job), timeout=60)
    return [update.event.state for update in updates if update.event.WhichOneof("event") == "state"]


def state(client, job: str):
    """The job as it is."""
    return client.jobs.GetJob(jobs_pb2.GetJobRequest(name=job)).job


def test_a_killed_engine_is_tried_again(own_server):
    with own_server.client() as client:
        job = submit(client)
        os.kill(engine_at_work(own_server, client, job), signal.SIGKILL)
        ended = client.watch(job)
        assert ended.state == jobs_pb2.Job.STATE_SUCCEEDED
        assert len(ended.attempts) == 2 and ended.attempts[0].HasField("error")


def test_an_engine_that_aborts_by_itself_is_tried_once_more(own_server):
    with own_server.client() as client:
        job = submit(client)
        watcher_result = []
        watcher = threading.Thread(target=lambda: watcher_result.append(client.watch(job)), daemon=True)
        watcher.start()
        seen = set()
        deadline = time.monotonic() + 60
        while watcher.is_alive() and time.monotonic() < deadline:
            for pid in own_server.children():
                if pid not in seen:
                    seen.add(pid)
                    os.kill(pid, signal.SIGABRT)
            time.sleep(0.005)
        watcher.join(timeout=10)
        assert watcher_result, "the job has not ended after a minute"
        ended = watcher_result[0]
        assert ended.state == jobs_pb2.Job.STATE_FAILED
        assert len(ended.attempts) == 2
        assert "SIGABRT" in ended.error.message or "signal 6" in ended.error.message
        # Against this model only: the next job runs.
        result = client.optimize(model_path("mnist_cnn"), variants="float16", benchmark=False,
                                 calibrate=octavo.Data(data_path("mnist"), {"": "calib_images"}, examples=20),
                                 preprocess=octavo.Preprocess(scale=1 / 255))
        assert result.verdict == "PASS"
        # And the digest is quarantined.
        with pytest.raises(grpc.RpcError) as caught:
            submit(client)
        assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


def test_a_killed_server_leaves_no_engine_and_loses_no_job(own_server):
    with own_server.client() as client:
        job = submit(client)
        engine = engine_at_work(own_server, client, job)
    own_server.kill()
    deadline = time.monotonic() + 2
    while pathlib.Path(f"/proc/{engine}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not pathlib.Path(f"/proc/{engine}").exists()
    own_server.start()
    with own_server.client() as client:
        ended = client.watch(job)
        assert ended.state == jobs_pb2.Job.STATE_SUCCEEDED
        assert len(ended.attempts) == 2


def test_cancel_reaches_the_engine_within_a_second(own_server):
    with own_server.client() as client:
        job = submit(client)
        engine = engine_at_work(own_server, client, job)
        begun = time.monotonic()
        client.jobs.CancelJob(jobs_pb2.CancelJobRequest(name=job))
        while pathlib.Path(f"/proc/{engine}").exists():
            assert time.monotonic() - begun < 1
            time.sleep(0.01)
        assert client.watch(job).state == jobs_pb2.Job.STATE_CANCELLED


def test_sigterm_hands_a_job_back_and_it_runs_later(tmp_path):
    impatient = Server(tmp_path / "server", "--drain-timeout", "0")
    with impatient.client() as client:
        job = submit(client)
        engine_at_work(impatient, client, job)
    assert impatient.stop() == 0
    impatient.start()
    with impatient.client() as client:
        ended = client.watch(job)
        assert ended.state == jobs_pb2.Job.STATE_SUCCEEDED
        # Handed back by the first server's worker, and not found without one by the second.
        assert len(ended.attempts) == 2 and ended.attempts[0].error.code == grpc.StatusCode.CANCELLED.value[0]
        assert states(client, job) == [jobs_pb2.Job.STATE_PENDING, jobs_pb2.Job.STATE_RUNNING,
                                       jobs_pb2.Job.STATE_PENDING, jobs_pb2.Job.STATE_RUNNING,
                                       jobs_pb2.Job.STATE_SUCCEEDED]
    assert impatient.stop() == 0
