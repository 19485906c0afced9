"""Uploads, jobs and downloads over one channel."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import google_crc32c
import grpc
import numpy as np
from google.rpc import error_details_pb2, status_pb2

from octavo.v1 import (artifacts_pb2, artifacts_pb2_grpc, datasets_pb2, datasets_pb2_grpc, jobs_pb2, jobs_pb2_grpc,
                       models_pb2, models_pb2_grpc, report_pb2, spec_pb2, uploads_pb2, uploads_pb2_grpc)

_VARIANTS = {
    "float32": (spec_pb2.SCHEME_FLOAT32, spec_pb2.IO_TYPE_FLOAT32),
    "float16": (spec_pb2.SCHEME_FLOAT16, spec_pb2.IO_TYPE_FLOAT32),
    "weight-int8": (spec_pb2.SCHEME_WEIGHT_INT8, spec_pb2.IO_TYPE_FLOAT32),
    "weight-int4": (spec_pb2.SCHEME_WEIGHT_INT4, spec_pb2.IO_TYPE_FLOAT32),
    "dynamic-int8": (spec_pb2.SCHEME_DYNAMIC_INT8, spec_pb2.IO_TYPE_FLOAT32),
    "dynamic-int4": (spec_pb2.SCHEME_DYNAMIC_INT4, spec_pb2.IO_TYPE_FLOAT32),
    "dynamic-int4-block32": (spec_pb2.SCHEME_DYNAMIC_INT4_BLOCK32, spec_pb2.IO_TYPE_FLOAT32),
    "int8": (spec_pb2.SCHEME_INT8, spec_pb2.IO_TYPE_FLOAT32),
    "int8-int8io": (spec_pb2.SCHEME_INT8, spec_pb2.IO_TYPE_INT8),
    "int8-uint8io": (spec_pb2.SCHEME_INT8, spec_pb2.IO_TYPE_UINT8),
    "int8-pertensor": (spec_pb2.SCHEME_INT8_PER_TENSOR, spec_pb2.IO_TYPE_FLOAT32),
    "int16x8": (spec_pb2.SCHEME_INT16X8, spec_pb2.IO_TYPE_FLOAT32),
    "int16x8-int16io": (spec_pb2.SCHEME_INT16X8, spec_pb2.IO_TYPE_INT16),
    "io-float32": (spec_pb2.SCHEME_CHANGE_IO, spec_pb2.IO_TYPE_FLOAT32),
    "io-int8": (spec_pb2.SCHEME_CHANGE_IO, spec_pb2.IO_TYPE_INT8),
    "io-uint8": (spec_pb2.SCHEME_CHANGE_IO, spec_pb2.IO_TYPE_UINT8),
    "io-int16": (spec_pb2.SCHEME_CHANGE_IO, spec_pb2.IO_TYPE_INT16),
}
# What the server names resources; whatever else a caller gives is a path.
_RESOURCE_ID = "[a-z2-7]{26}"
_METRICS = {"auto": spec_pb2.EVALUATION_KIND_UNSPECIFIED, "top1": spec_pb2.EVALUATION_KIND_CLASSES,
            "miou": spec_pb2.EVALUATION_KIND_SEGMENTATION, "regression": spec_pb2.EVALUATION_KIND_REGRESSION}
_GOALS = {"drop": "max_drop_points", "size": "max_size_ratio", "latency": "max_latency_ratio"}
# What a stream of chunks may end with and yet be gone on with from the committed size. OUT_OF_RANGE and ABORTED: the
# server was still taking in the stream before. FAILED_PRECONDITION: that one's finish came through, not its answer.
_RESUMABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.OUT_OF_RANGE,
              grpc.StatusCode.ABORTED, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.DEADLINE_EXCEEDED)


class OctavoError(Exception):
    """What the server answered: `code` (grpc.StatusCode), `reason` such as "TENSOR_MISMATCH", and a message."""

    def __init__(self, code: grpc.StatusCode, message: str, reason: str = ""):
        super().__init__(f"{code.name}: {message}" + (f" [{reason}]" if reason else ""))
        self.code, self.message, self.reason = code, message, reason


class JobFailed(OctavoError):
    """A job that ended without a report, CANCELLED where it was cancelled; `job` is the message."""

    def __init__(self, job: jobs_pb2.Job):
        error = _from_status(job.error)
        if job.state == jobs_pb2.Job.STATE_CANCELLED:
            error = OctavoError(grpc.StatusCode.CANCELLED, f"{job.name} was cancelled")
        super().__init__(error.code, error.message, error.reason)
        self.job = job


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set and how it is used.

    source: a path (.npz, an archive of images, TFRecord), "datasets/ID", an array, (inputs, labels), or a dict of arrays; first axis: examples.
    inputs: model input -> array name, or names to concatenate as channels. Key "" is the only input.
    labels: the array of labels. examples: only the first so many.
    """

    source: object
    inputs: Mapping[str, str | Sequence[str]] = dataclasses.field(default_factory=dict)
    labels: str = ""
    examples: int = 0


@dataclasses.dataclass(frozen=True)
class Preprocess:
    """value = scale[c] * x + offset[c], after channel order, resize and repeat, in this order.

    channels: "rgb" or "bgr". resize: (height, width), bilinear, or (height, width, "nearest").
    repeat: (height, width, channels). input: the model's input, "" for its only one.
    """

    scale: float | Sequence[float] = ()
    offset: float | Sequence[float] = ()
    channels: str = ""
    resize: tuple[int, int] | tuple[int, int, str] | None = None
    repeat: tuple[int, int, int] | None = None
    input: str = ""

    def message(self) -> spec_pb2.Preprocess:
        """As the protocol has it."""
        message = spec_pb2.Preprocess(input=self.input, scale=np.ravel(self.scale), offset=np.ravel(self.offset))
        if self.channels:
            message.channel_order = _enum_value(spec_pb2.ChannelOrder, self.channels)
        if self.resize:
            message.resize.height, message.resize.width, *method = self.resize
            if method:
                message.resize.method = _enum_value(spec_pb2.ResizeMethod, *method)
        if self.repeat:
            message.repeat.height, message.repeat.width, message.repeat.channels = self.repeat
        return message


@dataclasses.dataclass(frozen=True)
class Feedback:
    """value = scale * output + offset, as the float model takes it, becomes an input of the next example.

    output: "" for the first, "NAME[4:14]" for places along its last axis. input: "" for the only one.
    channels: places along the input's last axis; none: all of it.
    """

    output: str = ""
    input: str = ""
    channels: int | Sequence[int] = ()
    scale: float = 1.0
    offset: float = 0.0

    def message(self) -> spec_pb2.Feedback:
        """As the protocol has it."""
        return spec_pb2.Feedback(output=self.output, input=self.input, channels=np.ravel(self.channels).astype(int).tolist(),
                                 scale=self.scale, offset=self.offset)


@dataclasses.dataclass(frozen=True)
class Result:
    """What a job made. `paths`: file name -> path, where `out` was given."""

    job: jobs_pb2.Job
    report: report_pb2.Report
    paths: dict[str, pathlib.Path]

    @property
    def verdict(self) -> str:
        """PASS, GOALS_MISSED or PARTIAL."""
        return report_pb2.Verdict.Name(self.report.verdict).removeprefix("VERDICT_")

    @property
    def recommended(self) -> str:
        """The recommended variant's name, "" for none."""
        return self.report.recommended_variant

    def __str__(self) -> str:
        lines = [f"{'variant':<16}{'bytes':>12}{'ratio':>7}{'top-1 %':>9}{'sqnr dB':>9}{'p50 ms':>9}"]
        for variant in self.report.variants:
            name, top1 = variant.spec.name, f"{100 * variant.accuracy.top1:.2f}" if variant.HasField("accuracy") else ""
            if variant.state != report_pb2.VariantReport.STATE_SUCCEEDED:
                lines.append(f"{name:<16}{variant.skip_reason or variant.error.message}")
                continue
            lines.append(f"{name:<16}{variant.artifact.size_bytes:>12}{variant.size_ratio:>7.2f}{top1:>9}"
                         f"{variant.fidelity.sqnr_db:>9.1f}{variant.latency.p50_ms:>9.3f}")
        return "\n".join([*lines, f"{self.verdict}: {self.report.recommendation_reason}"])


class Client:
    """One server. Thread-safe. Every call raises OctavoError.

    target: where it listens; UNAVAILABLE if nobody answers there in `connect_timeout` seconds. timeout: of one call,
    seconds. patience: how many seconds of pauses to give a server that goes away later, anew when something gets through.
    """

    def __init__(self, target: str = "127.0.0.1:8470", timeout: float = 60.0, patience: float = 120.0,
                 connect_timeout: float = 3.0):
        self._channel = grpc.insecure_channel(target, options=[("grpc.max_receive_message_length", 64 << 20),
                                                               ("grpc.keepalive_time_ms", 30_000),
                                                               ("grpc.max_reconnect_backoff_ms", 2_000)])
        try:
            grpc.channel_ready_future(self._channel).result(connect_timeout)
        except grpc.FutureTimeoutError:
            self._channel.close()
            raise OctavoError(grpc.StatusCode.UNAVAILABLE, f"no Octavo server answers at {target}") from None
        self._timeout, self._patience = timeout, patience
        self.uploads = uploads_pb2_grpc.UploadServiceStub(self._channel)
        self.models = models_pb2_grpc.ModelServiceStub(self._channel)
        self.datasets = datasets_pb2_grpc.DatasetServiceStub(self._channel)
        self.jobs = jobs_pb2_grpc.JobServiceStub(self._channel)
        self.artifacts = artifacts_pb2_grpc.ArtifactServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self._channel.close()

    def optimize(self, model, calibrate=None, evaluate=None, variants: str | Sequence[str] = "all",
                 out: str | os.PathLike | None = None, preprocess: Preprocess | Sequence[Preprocess] = (),
                 goals: Mapping[str, float] | None = None, benchmark: bool = True,
                 observer: str = "", batch: int = 0, backend: str = "", targets: str | Mapping[str, str] = "",
                 metric: str | Mapping[str, str] = "", threshold: float | None = None,
                 recurrent: Feedback | Sequence[Feedback] = (), sequence: int | str = 0,
                 overrides: Mapping[str, str] | None = None, min_weights: int = 0,
                 progress: Callable[[jobs_pb2.JobEvent], None] | None = None) -> Result:
        """Uploads what is to be uploaded, runs the job to its end and, with `out`, fetches its files.

        variants: "all" or names such as "int8-uint8io". goals: {"drop": points, "size": ratio, "latency": ratio}.
        observer: "min-max", "moving-average", "percentile", "mean-squared-error", "entropy" or "auto". batch: fixes what
        is written to so many examples. backend: what runs the variants while they are evaluated, "xnnpack", "reference"
        or "both". targets: the array of `evaluate` that the first output is held against, or {output: array}; an output
        may be "NAME[4:14]", a part of one. metric: "top1", "miou" or "regression", or {output: metric}; by the targets'
        type and shape where it is left out. threshold: above it an output of one value a place is class 1. recurrent:
        evaluates once more with outputs as inputs of the next example. sequence: examples a sequence, or the array of
        each example's sequence or of all lengths. overrides: {regular expression: "float32", "int16x8" or "int8"},
        matched in part against operators' outputs and in full against their types, for each variant named. min_weights:
        weights of fewer elements stay float in weight-only and dynamic variants that are named, 0: 256 and 1,024.
        progress: called with each event. Raises JobFailed where the job ends without a report.
        """
        spec = spec_pb2.OptimizeSpec(all_variants=variants == "all")
        for name in [] if variants == "all" else [variants] if isinstance(variants, str) else variants:
            if name not in _VARIANTS:
                raise ValueError(f"no variant {name!r}; there are {', '.join(_VARIANTS)}")
            scheme, io_type = _VARIANTS[name]
            variant = spec.variants.add(name=name, scheme=scheme, io_type=io_type)
            variant.min_weights = min_weights
            for pattern, precision in (overrides or {}).items():
                variant.overrides.add(pattern=pattern, precision=f"PRECISION_{precision.upper()}")
        for goal, value in (goals or {}).items():
            if goal not in _GOALS:
                raise ValueError(f"no goal {goal!r}; there are {', '.join(_GOALS)}")
            setattr(spec.goals, _GOALS[goal], value)
        for item in [preprocess] if isinstance(preprocess, Preprocess) else preprocess:
            spec.preprocess.append(item.message())
        if observer:
            spec.observer = _enum_value(spec_pb2.ObserverKind, observer)
        if backend:
            spec.backend = _enum_value(spec_pb2.Backend, backend)
        spec.batch = batch
        spec.benchmark.skip = not benchmark
        spec.model = self.upload_model(model)
        if calibrate is not None:
            spec.calibration.CopyFrom(self._use(calibrate))
        if evaluate is not None:
            spec.evaluation.CopyFrom(self._use(evaluate))
        feedback = [recurrent] if isinstance(recurrent, Feedback) else recurrent
        _add_metrics(spec, targets, metric, threshold, feedback, sequence)
        request = jobs_pb2.CreateJobRequest(spec=spec, request_id=str(uuid.uuid4()))
        job = self.watch(self._call(self.jobs.CreateJob, request).job.name, progress)
        if job.state != jobs_pb2.Job.STATE_SUCCEEDED:
            raise JobFailed(job)
        report = self._call(self.jobs.GetReport, jobs_pb2.GetReportRequest(name=job.name)).report
        return Result(job, report, self.download(job, out) if out is not None else {})

    def upload_model(self, model) -> str:
        """A path, bytes, or "models/ID"; gives "models/ID"."""
        if isinstance(model, str) and re.fullmatch(f"models/{_RESOURCE_ID}", model):
            return model
        with _as_file(model) as path:
            upload = self._upload(path, uploads_pb2.UPLOAD_KIND_MODEL)
            request = models_pb2.CreateModelRequest(upload=upload, display_name=_display_name(path))
        created = self._call(self.models.CreateModel, request).model
        if created.state == models_pb2.Model.STATE_REJECTED:
            raise _from_status(created.error)
        return created.name

    def upload_dataset(self, source) -> str:
        """A path to a data set, arrays (see Data), or "datasets/ID"; gives "datasets/ID"."""
        if isinstance(source, str) and re.fullmatch(f"datasets/{_RESOURCE_ID}", source):
            return source
        with _as_file(source) as path:
            upload = self._upload(path, uploads_pb2.UPLOAD_KIND_DATASET)
            request = datasets_pb2.CreateDatasetRequest(upload=upload, display_name=_display_name(path))
        created = self._call(self.datasets.CreateDataset, request).dataset
        if created.state == datasets_pb2.Dataset.STATE_REJECTED:
            raise _from_status(created.error)
        return created.name

    def watch(self, job: str, progress: Callable[[jobs_pb2.JobEvent], None] | None = None) -> jobs_pb2.Job:
        """Follows a job to its end, over broken connections."""
        after = updates = 0

        def follow() -> jobs_pb2.Job:
            nonlocal after, updates
            last = jobs_pb2.Job()
            with _ended(self.jobs.WatchJob(jobs_pb2.WatchJobRequest(name=job, after_number=after))) as stream:
                for update in stream:
                    updates += 1
                    if update.HasField("snapshot"):
                        last = update.snapshot
                        continue
                    after = max(after, update.event.number)
                    if progress:
                        progress(update.event)
            if last.state < jobs_pb2.Job.STATE_SUCCEEDED:
                raise OctavoError(grpc.StatusCode.UNAVAILABLE, f"the server stopped telling of {job}")
            return last

        return self._retrying(follow, lambda: updates)

    def download(self, job: jobs_pb2.Job, folder: str | os.PathLike) -> dict[str, pathlib.Path]:
        """Fetches a job's artifacts over broken connections; each file appears whole, checked against its digest."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        paths = {}
        for artifact in job.artifacts:
            # A server's word is not taken for a path.
            if pathlib.PurePath(artifact.file_name).name != artifact.file_name:
                raise OctavoError(grpc.StatusCode.DATA_LOSS, f"an artifact is named {artifact.file_name!r}")
            part = folder / (artifact.file_name + ".part")
            try:
                self._fetch(artifact, part)
                paths[artifact.file_name] = part.replace(folder / artifact.file_name)
            finally:
                part.unlink(missing_ok=True)
        return paths

    def _fetch(self, artifact: report_pb2.Artifact, path: pathlib.Path) -> None:
        digest = hashlib.sha256()
        with path.open("wb") as file:

            def go_on() -> None:
                request = artifacts_pb2.DownloadArtifactRequest(name=artifact.name, offset=file.tell())
                with _ended(self.artifacts.DownloadArtifact(request)) as stream:
                    for answer in stream:
                        if google_crc32c.value(answer.chunk) != answer.crc32c:
                            # On the way, so it is worth another try; what is damaged at the server is DATA_LOSS.
                            raise OctavoError(grpc.StatusCode.UNAVAILABLE, "a chunk arrived damaged")
                        file.write(answer.chunk)
                        digest.update(answer.chunk)

            self._retrying(go_on, file.tell)
        if digest.hexdigest() != artifact.digest:
            raise OctavoError(grpc.StatusCode.DATA_LOSS, f"{artifact.file_name} arrived damaged")

    def _use(self, data) -> spec_pb2.DatasetUse:
        data = data if isinstance(data, Data) else Data(data)
        use = spec_pb2.DatasetUse(dataset=self.upload_dataset(data.source), labels=data.labels, max_examples=data.examples)
        for name, arrays in data.inputs.items():
            use.bindings.add(input=name, arrays=[arrays] if isinstance(arrays, str) else arrays)
        return use

    def _upload(self, path: pathlib.Path, kind: int) -> str:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        created = self._call(self.uploads.CreateUpload, uploads_pb2.CreateUploadRequest(
            kind=kind, size_bytes=path.stat().st_size, digest=digest.hexdigest(), request_id=str(uuid.uuid4())))
        upload = created.upload

        def go_on() -> None:
            nonlocal upload
            # The server knows how far a broken stream got, its end included.
            request = uploads_pb2.GetUploadRequest(name=upload.name)
            upload = self.uploads.GetUpload(request, timeout=self._timeout).upload
            if upload.state != uploads_pb2.Upload.STATE_COMPLETE:
                self.uploads.WriteUpload(_chunks(path, upload.name, upload.committed_bytes, created.chunk_bytes))

        if not created.already_exists:
            self._retrying(go_on, lambda: upload.committed_bytes, _RESUMABLE)
        return upload.name

    def _call(self, method, request):
        """A call that may be repeated: it reads, or carries a request id, or twice leaves a resource too many at worst."""
        return self._retrying(lambda: method(request, timeout=self._timeout))

    def _retrying(self, attempt: Callable, position: Callable[[], int] = lambda: 0,
                  codes: Sequence[grpc.StatusCode] = (grpc.StatusCode.UNAVAILABLE,)):
        """What `attempt` gives, once it does not fail with one of `codes`.

        Only pauses count against patience, so an attempt may take its time; and anew whenever `position` has moved.
        """
        reached, waited, pause = position(), 0.0, 0.1
        while True:
            try:
                return attempt()
            except grpc.RpcError as failure:
                error = _from_rpc(failure)
            except OctavoError as failure:
                error = failure
            if reached != position():
                reached, waited, pause = position(), 0.0, 0.1
            if error.code not in codes or waited >= self._patience:
                raise error
            time.sleep(pause)
            waited, pause = waited + pause, min(2 * pause, 5.0)


def _add_metrics(spec: spec_pb2.OptimizeSpec, targets: str | Mapping[str, str], metric: str | Mapping[str, str],
                 threshold: float | None, recurrent: Sequence[Feedback], sequence: int | str) -> None:
    for output, array in ({"": targets} if isinstance(targets, str) else targets).items():
        if array:
            spec.evaluation.targets.add(output=output, array=array)
    metrics = {"": metric} if isinstance(metric, str) else metric
    for output, name in metrics.items():
        if not name and threshold is None:
            continue
        if (name or "auto") not in _METRICS:
            raise ValueError(f"no metric {name!r}; there are {', '.join(_METRICS)}")
        spec.metrics.add(output=output, kind=_METRICS[name or "auto"], threshold=threshold)
    spec.recurrence.feedbacks.extend(feedback.message() for feedback in recurrent)
    if sequence and not recurrent:
        raise ValueError("sequence goes with recurrent")
    if isinstance(sequence, str):
        spec.evaluation.sequences = sequence
    elif sequence:
        spec.recurrence.sequence_length = sequence
    if not recurrent:
        spec.ClearField("recurrence")


def _enum_value(enum, name: str) -> int:
    """CHANNEL_ORDER_RGB of ChannelOrder for "rgb"."""
    prefix = enum.keys()[0].removesuffix("UNSPECIFIED")
    names = [key.removeprefix(prefix).lower() for key in enum.keys()[1:]]
    plain = name.lower().replace("-", "_")  # as the command line writes it
    if plain not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return enum.Value(prefix + plain.upper())


@contextlib.contextmanager
def _ended(stream: grpc.Call) -> Iterator[grpc.Call]:
    """A stream of answers, cancelled where it is left before its end."""
    try:
        yield stream
    finally:
        stream.cancel()


def _chunks(path: pathlib.Path, name: str, offset: int, size: int) -> Iterator[uploads_pb2.WriteUploadRequest]:
    yield uploads_pb2.WriteUploadRequest(name=name, offset=offset)
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(size):
            yield uploads_pb2.WriteUploadRequest(chunk=chunk, crc32c=google_crc32c.value(chunk))
    yield uploads_pb2.WriteUploadRequest(finish=True)


def _display_name(path: pathlib.Path) -> str:
    """The file's name, in at most 128 bytes."""
    return path.name.encode(errors="replace")[:128].decode(errors="ignore")


@contextlib.contextmanager
def _as_file(source) -> Iterator[pathlib.Path]:
    """A path as it is; bytes and arrays as a temporary file."""
    if isinstance(source, (str, os.PathLike)):
        yield pathlib.Path(source)
        return
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(source, (bytes, bytearray, memoryview)):
            path = pathlib.Path(folder) / "model.tflite"
            path.write_bytes(source)
        else:
            path = pathlib.Path(folder) / "arrays.npz"
            np.savez(path, **_arrays(source))
        yield path


def _arrays(source) -> dict[str, np.ndarray]:
    if isinstance(source, Mapping):
        return {name: np.ascontiguousarray(array) for name, array in source.items()}
    if isinstance(source, tuple) and len(source) == 2:
        return {"x": np.ascontiguousarray(source[0]), "labels": np.ascontiguousarray(source[1])}
    return {"x": np.ascontiguousarray(source)}


def _from_rpc(error: grpc.RpcError) -> OctavoError:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return _from_status(status_pb2.Status.FromString(value))
    return OctavoError(error.code(), error.details() or "")


def _from_status(status: status_pb2.Status) -> OctavoError:
    reason = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(reason.DESCRIPTOR):
            detail.Unpack(reason)
    code = next((code for code in grpc.StatusCode if code.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    return OctavoError(code, status.message, reason.reason)
