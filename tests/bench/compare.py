"""Conversion and evaluation of mobilenet_v2, ours and the peers' in turn in one run, and what large weights and
calibration cost beside copying and running; ratios are what counts.

Exit status 1 where a bound is missed.
"""

import dataclasses
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OCTAVO_BUILD", ROOT / "build" / "release"))
MODEL = ROOT / "tests" / "data" / "models" / "mobilenet_v2"
DATA = ROOT / "tests" / "data" / "data" / "mobilenet.npz"
PEERS = pathlib.Path(__file__).resolve().parent / "peers.py"
ROUNDS = 3


@dataclasses.dataclass(frozen=True)
class Claim:
    """A figure and the bound that it must keep: at least, or under."""

    name: str
    value: float
    bound: float
    is_under: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound is kept; NaN keeps none."""
        return self.value < self.bound if self.is_under else self.value >= self.bound

    def __str__(self) -> str:
        relation = "<" if self.is_under else ">="
        return f"{'ok' if self.holds else 'MISSED':8}{self.name:52}{self.value:10.2f} {relation:2} {self.bound:g}"


def measure(command: list) -> dict:
    """One process: CPU seconds and peak memory, its children's included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, error = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert process.returncode == 0, error.decode()[-2000:]
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
            "wall": time.monotonic() - begun}


def peak_megabytes(command: list) -> float:
    """Largest resident memory of the process or any child of it."""
    script = ("import resource,subprocess,sys;subprocess.run(sys.argv[1:],check=True,stdout=subprocess.DEVNULL,"
              "stderr=subprocess.DEVNULL);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss*1024/1e6)")
    done = subprocess.run([sys.executable, "-c", script, *map(str, command)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def conversion() -> list[Claim]:
    """Load, calibrate on 100 images, quantize to int8, write: CPU seconds of whole processes."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "octavo": [BUILD / "bin" / "octavo", "optimize", MODEL / "float.tflite", "--local", "--no-cache",
                       "--convert-only", "--variant", "int8-int8io", "--calibrate", f"{DATA}:fashion28_calib",
                       "--calibrate-examples", 100, "--repeat", "8x8x3", "--scale", "1/255", "--out", f"{folder}/octavo"],
            "ai-edge-quantizer": [sys.executable, PEERS, "aeq", MODEL / "float.tflite", DATA, f"{folder}/aeq.tflite"],
            "TFLiteConverter": [sys.executable, PEERS, "tf", MODEL / "model_keras2.h5", DATA, f"{folder}/tf.tflite"],
        }
        runs = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                runs[name].append(measure(command))
        print(f"\nconversion of mobilenet_v2 to int8, 100 calibration images, median of {ROUNDS} runs in turn")
        print(f"{'':20}{'CPU s':>9}{'x ours':>9}{'wall s':>9}{'peak MB':>9}")
        cpu = {name: statistics.median(run["cpu"] for run in kept) for name, kept in runs.items()}
        peak = {name: peak_megabytes(command) for name, command in commands.items()}
        for name in commands:
            wall = statistics.median(run["wall"] for run in runs[name])
            print(f"{name:20}{cpu[name]:9.2f}{cpu[name] / cpu['octavo']:9.1f}{wall:9.2f}{peak[name]:9.0f}")
    return [Claim("conversion: CPU time of TFLiteConverter / ours", cpu["TFLiteConverter"] / cpu["octavo"], 15),
            Claim("conversion: CPU time of ai-edge-quantizer / ours", cpu["ai-edge-quantizer"] / cpu["octavo"], 4),
            Claim("conversion: peak memory, MB", peak["octavo"], 150, is_under=True)]


class Ours:
    """run_model, which times on request."""

    def __init__(self, path, inputs: pathlib.Path):
        self.process = subprocess.Popen([BUILD / "tests" / "run_model", path, inputs], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.runtime = self.process.stdout.readline().strip()

    def seconds(self, count: int) -> float:
        """Of `count` runs."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        """Ends the program."""
        self.process.stdin.close()
        self.process.wait()


class Theirs:
    """LiteRT with XNNPACK at one thread; the inputs are set before the clock starts, as ours lie in memory."""

    def __init__(self, path, examples: np.ndarray):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(model_path=str(path), num_threads=1)
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.examples = examples

    def seconds(self, count: int) -> float:
        """Of `count` runs, without setting inputs."""
        took = 0.0
        for i in range(count):
            self.interpreter.set_tensor(self.input, self.examples[i % len(self.examples)][None])
            begun = time.perf_counter()
            self.interpreter.invoke()
            took += time.perf_counter() - begun
        return took


# Of LiteRT's images per second.
LEAST_SPEED = {"float32": 0.9, "int8": 0.9, "int8-int8io": 0.9, "int16x8": 8}


def in_turn(ours: Ours, theirs: Theirs, count: int) -> list[tuple[float, float]]:
    """Seconds of ours and theirs, four runs at a time, `count` of each: a host that changes its pace does so for both."""
    return [(ours.seconds(4), theirs.seconds(4)) for _ in range(count // 4)]


def evaluation() -> list[Claim]:
    """Images per second at one thread, interleaved, median of five."""
    claims = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([BUILD / "bin" / "octavo", "optimize", MODEL / "float.tflite", "--local", "--convert-only",
                        "--variant", "float32", "--variant", "int8-int8io", "--variant", "int8", "--variant", "int16x8",
                        "--variant", "dynamic-int8", "--calibrate", f"{DATA}:fashion28_calib", "--calibrate-examples", "100",
                        "--repeat", "8x8x3", "--scale", "1/255", "--out", folder], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # On one processor: on a shared host they differ.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        with np.load(DATA) as arrays:
            crops = arrays["crops"][:20].astype(np.float32) / np.float32(255)
        print("\nevaluation of mobilenet_v2, one thread, in turn, median of five")
        print(f"{'':16}{'ours img/s':>12}{'LiteRT img/s':>14}{'ours / LiteRT':>15}   our runtime")
        for variant, count in [("float32", 40), ("int8", 100), ("int8-int8io", 100), ("dynamic-int8", 20), ("int16x8", 8)]:
            path = folder / f"{variant}.tflite"
            examples = np.round(crops * 255 - 128).astype(np.int8) if variant == "int8-int8io" else crops
            examples.tofile(folder / "inputs")
            ours, theirs = Ours(path, folder / "inputs"), Theirs(path, examples)
            ours.seconds(2), theirs.seconds(2)
            rounds = [in_turn(ours, theirs, count) for _ in range(5)]
            ours.close()
            a, b = (count / statistics.median(sum(turn[side] for turn in turns) for turns in rounds) for side in (0, 1))
            # Of all turns: one during which the host did something else counts once, however long it took.
            ratio = statistics.median(turn[1] / turn[0] for turns in rounds for turn in turns)
            print(f"{variant:16}{a:12.1f}{b:14.1f}{ratio:15.2f}   {ours.runtime}")
            if variant in LEAST_SPEED:
                claims.append(Claim(f"evaluation of {variant}: ours / LiteRT", ratio, LEAST_SPEED[variant]))
    return claims


def core() -> list[Claim]:
    """Weights in memory beside memcpy, calibration beside inference: one thread, in turn, median of five."""
    done = subprocess.run(
        [BUILD / "tests" / "core_bench", "--benchmark_format=json", "--benchmark_repetitions=5",
         "--benchmark_enable_random_interleaving=true", "--benchmark_report_aggregates_only=true"],
        env=os.environ | {"OCTAVO_TEST_DATA": str(ROOT / "tests" / "data")}, capture_output=True, text=True, check=True)
    took = {row["run_name"]: row["real_time"] for row in json.loads(done.stdout)["benchmarks"]
            if row["aggregate_name"] == "median"}
    print("\nweights of 38 MB in memory, and calibration of mobilenet_v2 on 12 images, one thread, ms")
    for name, milliseconds in took.items():
        print(f"{name:28}{milliseconds:10.2f}")
    copy, run = took["CopyWeights"], took["RunImages"]
    return [*(Claim(f"weights to {kind}: of memcpy's bandwidth", copy / took[f"QuantizeWeights/{kind}"], 0.5)
              for kind in ("int8", "int4", "float16")),
            Claim("calibration by min-max / inference", took["CalibrateImages/min_max"] / run, 1.7, is_under=True),
            Claim("calibration by histograms / inference", took["CalibrateImages/histograms"] / run, 3, is_under=True)]


def write_large_model(path: pathlib.Path) -> None:
    """Eight fully connected layers of 4096 x 4096 float weights: 537 MB."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    class Aligned(schema.BufferT):
        """Constants at multiples of 16, as converters write them."""

        def Pack(self, builder):  # noqa: N802
            """As the class above."""
            builder.StartVector(1, len(self.data), 16)
            builder.head -= len(self.data)
            builder.Bytes[builder.head:builder.head + len(self.data)] = self.data.tobytes()
            data = builder.EndVector()
            schema.BufferStart(builder)
            schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    width = 4096
    model = schema.ModelT(version=3, buffers=[schema.BufferT()], operatorCodes=[schema.OperatorCodeT(
        builtinCode=schema.BuiltinOperator.FULLY_CONNECTED, deprecatedBuiltinCode=9, version=1)])
    graph = schema.SubGraphT(tensors=[schema.TensorT(name="x", shape=[1, width])], operators=[], inputs=[0])
    random = np.random.default_rng(1)
    for layer in range(8):
        weights = random.standard_normal((width, width), dtype=np.float32) / np.float32(64)
        model.buffers.append(Aligned(data=weights.view(np.uint8).ravel()))
        graph.tensors += [schema.TensorT(name=f"weights_{layer}", shape=[width, width], buffer=layer + 1),
                          schema.TensorT(name=f"y_{layer}", shape=[1, width])]
        last = len(graph.tensors) - 1
        graph.operators.append(schema.OperatorT(
            inputs=[max(0, last - 2), last - 1, -1], outputs=[last], builtinOptions=schema.FullyConnectedOptionsT(),
            builtinOptionsType=schema.BuiltinOptions.FullyConnectedOptions))
    graph.outputs = [last]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(600 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(builder.Output())


def large() -> list[Claim]:
    """A file of 537 MB, whole processes beside cp and sha256sum of what goes in and what comes out."""
    claims = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = folder / "large.tflite"
        write_large_model(model)
        print(f"\na model of {model.stat().st_size / 1e6:.0f} MB, median of {ROUNDS} runs in turn")
        print(f"{'':14}{'wall s':>9}{'cp, sha256sum':>15}{'peak MB':>9}{'both files MB':>15}")
        for variant in ("weight-int8", "float16"):
            command = [BUILD / "bin" / "octavo", "optimize", model, "--local", "--convert-only", "--variant", variant,
                       "--out", folder / variant]
            made = folder / variant / f"{variant}.tflite"
            measure(command)
            plain = ["sh", "-c", f"cp {model} {folder}/copy && sha256sum {model} {made}"]
            runs = [(measure(command)["wall"], measure(plain)["wall"]) for _ in range(ROUNDS)]
            wall, copied = (statistics.median(run[side] for run in runs) for side in (0, 1))
            files, peak = (model.stat().st_size + made.stat().st_size) / 1e6, peak_megabytes(command)
            print(f"{variant:14}{wall:9.2f}{copied:15.2f}{peak:9.0f}{files:15.0f}")
            claims += [Claim(f"{variant} of 537 MB: wall time / cp and sha256sum", wall / copied, 3, is_under=True),
                       Claim(f"{variant} of 537 MB: peak memory / both files", peak / files, 1.6, is_under=True)]
    return claims


def main(wanted: list[str]) -> int:
    """Exit status 1: a bound is missed; 2: there is no such part."""
    parts = {"core": core, "large": large, "conversion": conversion, "evaluation": evaluation}
    if unknown := set(wanted) - set(parts):
        print(f"compare.py: no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}", file=sys.stderr)
        return 2
    claims = [claim for name, part in parts.items() if not wanted or name in wanted for claim in part()]
    print()
    for claim in claims:
        print(claim)
    return 0 if all(claim.holds for claim in claims) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
