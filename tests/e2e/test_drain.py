"""What a server does between SIGTERM and its end."""

import signal
import time

import grpc
import pytest
from conftest import Server
from octavo.v1 import jobs_pb2
from test_crash import engine_of, state, submit


@pytest.fixture
def patient_server(tmp_path):
    """One that gives its jobs ten minutes."""
    running = Server(tmp_path / "server", "--drain-timeout", "600")
    yield running
    if running.process.poll() is None:
        running.kill()


def wait_for_draining(server: Server) -> None:
    """Until the log says so."""
    deadline = time.monotonic() + 10
    while '"draining"' not in (server.folder / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_running_job_ends_first(patient_server):
    with patient_server.client() as client:
        job = submit(client)
        engine_of(patient_server)
        assert patient_server.stop() == 0
    patient_server.start()
    with patient_server.client() as client:
        ended = state(client, job)
        assert ended.state == jobs_pb2.Job.STATE_SUCCEEDED
        assert len(ended.attempts) == 1
    assert patient_server.stop() == 0


def test_a_draining_server_answers_but_takes_nothing(patient_server):
    with patient_server.client() as client:
        job = submit(client)
        spec = state(client, job).spec
        engine_of(patient_server)
        watch = client.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job))
        next(watch)
        patient_server.process.send_signal(signal.SIGTERM)
        wait_for_draining(patient_server)
        with pytest.raises(grpc.RpcError) as ended:
            for _ in watch:
                pass
        assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
        assert state(client, job).state == jobs_pb2.Job.STATE_RUNNING
        with pytest.raises(grpc.RpcError) as refused:
            client.jobs.CreateJob(jobs_pb2.CreateJobRequest(spec=spec))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_second_signal_cuts_the_waiting_short(patient_server):
    with patient_server.client() as client:
        job = submit(client)
    engine_of(patient_server)
    patient_server.process.send_signal(signal.SIGTERM)
    wait_for_draining(patient_server)
    patient_server.process.send_signal(signal.SIGTERM)
    assert patient_server.process.wait(timeout=10) == 0
    patient_server.start()
    with patient_server.client() as client:
        assert client.watch(job).state == jobs_pb2.Job.STATE_SUCCEEDED
    assert patient_server.stop() == 0
