"""Writes what LiteRT with its XNNPACK delegate gives for the fixtures, for tests/core/runtime/executor_golden_test.cc.

    build/venv/bin/python tests/data/golden/make_runtime_goldens.py

NET.u8: a few inputs as bytes, [count, height, width, channels], small; NET_VARIANT.bin: the outputs for them, one after
another, every STEP-th element of each. Inputs become the model's by nearest enlargement, copies of the last channel, and
value * scale + offset (in float32); for int8 and uint8 models, then divided by the input's scale and rounded half to even.
"""

import pathlib

import numpy as np
from ai_edge_litert.interpreter import Interpreter

HERE = pathlib.Path(__file__).parent / "runtime"
DATA = HERE.parent.parent

# net: (model file of the float model, inputs, enlargement, channels, scale, step of the outputs)
def nets():
    mnist = np.load(DATA / "data/mnist.npz")["test_images"][:8, :, :, None]
    fashion = np.load(DATA / "data/fashion32.npz")["test_images"][:8]
    fashion28 = np.load(DATA / "data/mobilenet.npz")["fashion28_test"][:6, :, :, None]
    portrait = np.load(DATA / "data/portrait.npz")
    frames = portrait["frames"][[3, 25], 4::8, 4::8, ::-1]
    priors = portrait["priors"][[3, 25], 4::8, 4::8]
    portrait4 = np.concatenate([frames, priors.reshape(*frames.shape[:3], 1)], axis=-1)
    return {
        "mnist_cnn": (mnist, 1, 1, 1 / 255, 1),
        "resnet18_slim": (fashion, 1, 3, 1 / 255, 1),
        "mobilenet_v2": (fashion28, 8, 3, 1 / 255, 1),
        "portrait_seg": (portrait4, 8, 4, 1 / 64, 16),
    }


def model_input(images, enlargement, channels, scale):
    big = images.repeat(enlargement, axis=1).repeat(enlargement, axis=2)
    while big.shape[-1] < channels:
        big = np.concatenate([big, big[..., -1:]], axis=-1)
    return big.astype(np.float32) * np.float32(scale)


def run(path, values, step):
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    source, = interpreter.get_input_details()
    result, = interpreter.get_output_details()
    if source["dtype"] != np.float32:
        scale, zero_point = source["quantization"]
        limits = np.iinfo(source["dtype"])
        codes = np.rint(values / np.float32(scale)) + zero_point
        values = codes.clip(limits.min, limits.max).astype(source["dtype"])
    outputs = []
    for value in values:
        interpreter.set_tensor(source["index"], value.reshape(source["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"]).reshape(-1)[::step])
    return np.stack(outputs)


def main():
    HERE.mkdir(exist_ok=True)
    for name, (images, enlargement, channels, scale, step) in nets().items():
        images.astype(np.uint8).tofile(HERE / f"{name}.u8")
        values = model_input(images, enlargement, channels, scale)
        models = [DATA / "models" / name / "float.tflite", *sorted((DATA / "reference" / name).glob("*.tflite"))]
        for path in models:
            # LiteRT splits the portrait net's int8 among two backends that differ by tens of codes.
            if name == "portrait_seg" and path.stem.startswith("int8"):
                continue
            run(path, values, step).tofile(HERE / f"{name}_{path.stem}.bin")


main()
