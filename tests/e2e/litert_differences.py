"""Runs the models of `random_models` in LiteRT and prints how far its outputs are from ours, a line of JSON a model.

A program of its own, because LiteRT may end the process: litert_differences.py FOLDER FIRST
"""

import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from litert import delegate_parts

# Of a float output's largest magnitude: what counts as identical.
FLOAT_TOLERANCE = 1e-5
# The least magnitude: where terms cancel, what is left of small outputs is no more exact than the terms were.
LEAST_MAGNITUDES = {"GELU": 0.1, "MEAN": 0.1, "SUM": 1, "LSTM": 0.1, "RNN": 0.1, "SVDF": 0.1,
                    "UNIDIRECTIONAL_SEQUENCE_LSTM": 0.1, "UNIDIRECTIONAL_SEQUENCE_RNN": 0.1}
CODES = (np.int8, np.uint8, np.int16)


class Cases:
    """The folder's lines, and the bytes that they point to."""

    def __init__(self, folder: pathlib.Path):
        self.lines = [json.loads(line) for line in (folder / "cases.jsonl").open()]
        self.bytes = np.memmap(folder / "cases.bin", mode="r") if (folder / "cases.bin").stat().st_size else b""

    def get(self, place: list[int]) -> bytes:
        """The bytes at [offset, size]."""
        return bytes(self.bytes[place[0]:place[0] + place[1]])


def run(model: bytes, inputs: list[bytes], kind: OpResolverType) -> tuple[list[np.ndarray], Interpreter]:
    """The outputs, and what gave them."""
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=kind, num_threads=1)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], np.frombuffer(value, detail["dtype"]).reshape(detail["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()], interpreter


def difference(found: np.ndarray, wanted: np.ndarray, scale: float, least: float) -> tuple[int, int, float]:
    """How many values, how many of them identical, and the worst: codes, parts of the magnitude, or infinite for indices.

    `scale`: of the codes that floats were dequantized from, 0 for other floats."""
    if found.size == 0:
        return 0, 0, 0.0
    apart = np.abs(found.astype(np.float64) - wanted.astype(np.float64))
    if scale:
        codes = np.rint(apart / scale)
        return found.size, int((codes == 0).sum()), float(codes.max())
    if found.dtype == np.float32:
        apart = np.where((found == wanted) | (np.isnan(found) & np.isnan(wanted)), 0, apart)
        magnitude = np.abs(wanted[np.isfinite(wanted)]).max(initial=least)
        apart = np.where(np.isnan(apart), np.inf, apart) / magnitude
        return found.size, int((apart <= FLOAT_TOLERANCE).sum()), float(apart.max())
    worst = float(apart.max())
    return found.size, int((apart == 0).sum()), worst if found.dtype in CODES or worst == 0 else float("inf")


def together(found: list[np.ndarray], wanted: list[np.ndarray], line: dict) -> list[float]:
    """The differences of all outputs."""
    least = LEAST_MAGNITUDES.get(line["operator"], 1e-30)
    parts = [difference(a, b, scale, least) for a, b, scale in zip(found, wanted, line["scales"], strict=True)]
    return [sum(part[0] for part in parts), sum(part[1] for part in parts), max((part[2] for part in parts), default=0.0)]


def compare(cases: Cases, line: dict) -> dict:
    """Our outputs against LiteRT's, and LiteRT's two against each other."""
    model, inputs = cases.get(line["model"]), [cases.get(place) for place in line["inputs"]]
    found = {}
    try:
        delegate, interpreter = run(model, inputs, OpResolverType.AUTO)
    except (RuntimeError, ValueError) as error:
        return {"refused": str(error)}
    parts, outside = delegate_parts(interpreter)
    found["litert_parts"] = [parts, sorted(outside)]

    def ours(backend: str) -> list[np.ndarray]:
        return [np.frombuffer(cases.get(place), like.dtype).reshape(like.shape)
                for place, like in zip(line[f"{backend}_outputs"], delegate, strict=True)]

    found["delegate"] = together(ours("xnnpack"), delegate, line)
    found["own_delegate"] = together(ours("reference"), delegate, line)
    try:
        reference, _ = run(model, inputs, OpResolverType.BUILTIN_REF)
    except (RuntimeError, ValueError) as error:
        return found | {"reference_refused": str(error)}
    return found | {"own": together(ours("reference"), reference, line), "spread": together(delegate, reference, line),
                    "xnnpack": together(ours("xnnpack"), reference, line)}


def main() -> None:
    """Prints from line FIRST on, numbered, so that what reads it knows where LiteRT ended the process."""
    cases = Cases(pathlib.Path(sys.argv[1]))
    for number in range(int(sys.argv[2]), len(cases.lines)):
        line = cases.lines[number]
        if "model" in line and "failed" not in line:
            print(json.dumps({"number": number}), flush=True)
            print(json.dumps({"number": number} | compare(cases, line)), flush=True)


if __name__ == "__main__":
    main()
