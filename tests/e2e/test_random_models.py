"""Random models of every operator, and random graphs, quantized by us and held against LiteRT value by value."""

import collections
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys

import pytest
from conftest import BUILD, IS_LONG

pytestmark = pytest.mark.timeout(3600)
# The long tier tries others each time. OCTAVO_SEED repeats a run; a case depends on it and on its number alone.
SEED = int(os.environ.get("OCTAVO_SEED", random.getrandbits(32) if IS_LONG else 1))
COUNT = 1000 if IS_LONG else 50
SHARD = 50 if IS_LONG else 25
FLOAT_FORMS = ("float32", "dynamic-int8")
# Where LiteRT itself is wrong or refuses: by operator, and form if not all. Our kernels are held against its delegate
# then, or its optimized kernels.
WITHOUT_REFERENCE = {
    "CEIL": "the reference resolver has none",
    "ELU": "the reference resolver has none",
    "ROUND": "the reference resolver has none",
    "LOCAL_RESPONSE_NORMALIZATION": "the reference leaves out the window's last channel",
    ("SUM", "int8-int8io"): "the reference rescales wrongly; the delegate's sums are those of real arithmetic",
}
REFUSED = {
    ("CONV_2D", "float32"): "has_bias was not true",
    ("CONV_2D", "dynamic-int8"): "has_bias was not true",
    # Without a bias.
    ("DEPTHWISE_CONV_2D", "float32"): "signal 11",
    ("DEPTHWISE_CONV_2D", "dynamic-int8"): "signal 11",
}
# Of whole graphs: every operator adds its rounding of floats, which may turn a code of a dynamic form's activations.
GRAPH_STEPS = {"float32": 1e-4, "dynamic-int8": 1e-2}
# What is large, and only for LiteRT's process.
UNUSED = {"inputs", "xnnpack_outputs", "reference_outputs", "scales"}
LITERT = pathlib.Path(__file__).with_name("litert_differences.py")


def differences(folder: pathlib.Path, lines: list[dict]) -> None:
    """Adds to each line what LiteRT says of it; begins anew behind a model that ends LiteRT's process."""
    first = 0
    while first < len(lines):
        done = subprocess.run([sys.executable, LITERT, folder, str(first)], capture_output=True, text=True, check=False)
        last = first
        for text in done.stdout.splitlines():
            found = json.loads(text)
            last = found.pop("number")
            lines[last] |= found
        if done.returncode == 0:
            return
        assert done.returncode < 0, done.stderr[-2000:]
        lines[last]["refused"] = f"ends the process with signal {-done.returncode}"
        first = last + 1


def compared(kind: str, first: int, folder: pathlib.Path) -> list[dict]:
    """Makes a shard's models and compares them."""
    folder.mkdir(parents=True)
    subprocess.run([BUILD / "tests" / "random_models", kind, str(SEED), str(first), str(SHARD), folder], check=True)
    lines = [json.loads(line) for line in (folder / "cases.jsonl").open()]
    differences(folder, lines)
    return [{key: line[key] for key in line.keys() - UNUSED} | {"folder": folder} for line in lines]


def all_compared(kind: str, folder: pathlib.Path) -> list[dict]:
    """All shards, two at a time."""
    print(f"\nOCTAVO_SEED={SEED}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        shards = pool.map(lambda first: compared(kind, first, folder / str(first)), range(0, COUNT, SHARD))
        return [line for lines in shards for line in lines]


def save(line: dict) -> pathlib.Path:
    """The model of a case, as a file of its own."""
    offset, size = line["model"]
    path = pathlib.Path(line["folder"]) / f"{line['operator']}-{line['index']}-{line['form']}.tflite"
    with (pathlib.Path(line["folder"]) / "cases.bin").open("rb") as file:
        file.seek(offset)
        path.write_bytes(file.read(size))
    return path


def describe(line: dict, problem: str) -> str:
    """What is wrong with a case, and where it is."""
    name = f"OCTAVO_SEED={SEED} {line['operator']} {line['index']} {line['form']} {' '.join(line.get('shapes', []))}"
    return f"{name}: {problem}{f' ({save(line)})' if 'model' in line else ''}"


def exception(table: dict, line: dict) -> str | None:
    """What a table says of a case."""
    return table.get(line["operator"], table.get((line["operator"], line["form"])))


def problem_of(line: dict) -> str | None:
    """Why a case of one operator is out of bounds."""
    if "failed" in line:
        return f"we do not run it: {line['failed']}"
    if "refused" in line:
        allowed = exception(REFUSED, line)
        return None if allowed and allowed in line["refused"] else f"LiteRT refuses it: {line['refused']}"
    step = 1e-5 if line["form"] in FLOAT_FORMS else 1
    if exception(WITHOUT_REFERENCE, line):
        own, spread = line["own_delegate"][2], 0
        xnnpack = line["delegate"][2]
    elif "reference_refused" in line:
        return f"LiteRT's reference kernels refuse it: {line['reference_refused']}"
    else:
        own, spread, xnnpack = line["own"][2], line["spread"][2], line["xnnpack"][2]
    if own > step:
        return f"our kernels differ by {own}"
    return f"our XNNPACK differs by {xnnpack}, LiteRT's by {spread}" if xnnpack > spread + step else None


def parts_problem(line: dict) -> str | None:
    """Whether our estimate of the delegate's parts is wrong."""
    if line.get("litert_parts", line.get("parts")) == line.get("parts"):
        return None
    # Our XNNPACK gives wrong values where the output is smaller than a step, LiteRT's does not.
    if "TRANSPOSE_CONV" in line["operators"] and line["runtime"] != "XNNPACK":
        return None
    return f"parts and operators outside: estimated {line['parts']}, LiteRT {line['litert_parts']}"


def shares(lines: list[dict], key: str) -> float:
    """The share of identical values."""
    found = [line[key] for line in lines if key in line]
    return sum(same for _, same, _ in found) / max(1, sum(count for count, _, _ in found))


def test_operators_are_litert_s(tmp_path):
    groups = collections.defaultdict(list)
    problems = []
    for line in all_compared("operators", tmp_path):
        if "skipped" not in line:
            groups[line["operator"], line["form"]].append(line)
    assert len(groups) > 200
    for (operator, form), lines in groups.items():
        yardstick = "own_delegate" if exception(WITHOUT_REFERENCE, lines[0]) else "own"
        compared_lines = [line for line in lines if yardstick in line]
        share = shares(lines, yardstick)
        print(f"{operator:30} {form:16} {len(compared_lines):5} models  own {100 * share:7.3f} %  "
              f"delegate {100 * shares(lines, 'delegate'):7.3f} %")
        problems += [describe(line, problem) for line in lines if (problem := problem_of(line) or parts_problem(line))]
        # The delegate rounds another way than the reference kernels, whose codes ours are to be.
        if len(compared_lines) < COUNT / 25 or (share < 0.99 and yardstick == "own"):
            problems.append(f"{operator} {form}: {len(compared_lines)} models, {100 * share:.2f} % of values identical")
    assert not problems, f"{len(problems)}:\n" + "\n".join(problems[:40])
    shutil.rmtree(tmp_path)


def graph_problem(line: dict) -> str | None:
    """Why a graph is out of bounds: LiteRT refuses it, or differs where it runs all of it in one part."""
    if "failed" in line:
        return f"we do not run it: {line['failed']}"
    if "refused" in line:
        return f"LiteRT refuses it: {line['refused']}"
    step, worst = GRAPH_STEPS.get(line["form"], 1), line["delegate"][2]
    return f"our XNNPACK differs from LiteRT's by {worst}" if is_whole_in_both(line) and worst > step else None


def is_whole_in_both(line: dict) -> bool:
    """Whether the delegate takes a graph in one part, and our XNNPACK too, which has fewer operators."""
    return line.get("litert_parts") == [1, []] and line["runtime"] == "XNNPACK"


def has_reference(line: dict) -> bool:
    """Whether LiteRT's reference kernels run a graph rightly."""
    return "own" in line and not any(operator in WITHOUT_REFERENCE or operator == "SUM" for operator in line["operators"])


def test_graphs_are_litert_s(tmp_path):
    lines = [line for line in all_compared("graphs", tmp_path) if "skipped" not in line]
    problems = [describe(line, problem) for line in lines if (problem := graph_problem(line) or parts_problem(line))]
    for form in sorted({line["form"] for line in lines}):
        of_form = [line for line in lines if line["form"] == form]
        whole = [line for line in of_form if is_whole_in_both(line)]
        referenced = [line for line in of_form if has_reference(line)]
        print(f"{form:16} {len(of_form):5} models, {len(whole):4} in one part in both: {100 * shares(whole, 'delegate'):8.4f} %  "
              f"all: {100 * shares(of_form, 'delegate'):8.4f} %  own kernels: {100 * shares(referenced, 'own'):8.4f} %")
        # An operator that jumps turns a last bit into another value, which others spread.
        if shares(of_form, "delegate") < 0.97 or shares(referenced, "own") < 0.99:
            problems.append(f"{form}: less than 97 % of values identical, or 99 % of our kernels'")
        if form.startswith("int8") and (shares(whole, "delegate") < 0.999 or len(whole) < COUNT / 10):
            problems.append(f"{form}: {len(whole)} graphs in one part, less than 99.9 % of their values identical")
    assert not problems, f"{len(problems)}:\n" + "\n".join(problems[:40])
    shutil.rmtree(tmp_path)
