"""Our executor on the bytes that the peer gets."""

import pathlib
import subprocess
import tempfile

import numpy as np
from conftest import BUILD
from litert import Model


def _run(peer: Model, path, examples: np.ndarray, *flags: str) -> np.ndarray:
    """The outputs' bytes, one row an example."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        peer.quantize(examples).tofile(folder / "in")
        subprocess.run([BUILD / "tests" / "run_model", path, folder / "in", folder / "out", *flags], check=True)
        return np.fromfile(folder / "out", dtype=np.uint8).reshape(len(examples), -1)


def run_codes(peer: Model, path, examples: np.ndarray, *flags: str) -> np.ndarray:
    """The only output as the file stores it, one row an example; `peer` is the same file in LiteRT."""
    return _run(peer, path, examples, *flags).view(peer.output["dtype"])


def run_all_outputs(peer: Model, path, examples: np.ndarray) -> np.ndarray:
    """As Model.run_all_outputs."""
    rows, parts, first = _run(peer, path, examples), [], 0
    for output in peer.interpreter.get_output_details():
        size = int(np.prod(output["shape"])) * np.dtype(output["dtype"]).itemsize
        parts.append(peer.dequantize(np.ascontiguousarray(rows[:, first:first + size]).view(output["dtype"]), output))
        first += size
    assert first == rows.shape[1]
    return np.concatenate(parts, axis=1)
