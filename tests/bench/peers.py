"""One conversion by a peer: peers.py tf|aeq MODEL DATA OUT. Calibrated on the first 100 images."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402


def examples(path: str) -> np.ndarray:
    """100 images [N, 224, 224, 3], 0 to 1."""
    with np.load(path) as arrays:
        images = arrays["fashion28_calib"][:100]
    images = np.repeat(np.repeat(np.repeat(images[..., None], 8, 1), 8, 2), 3, 3)
    return images.astype(np.float32) / np.float32(255)


def by_converter(model: str, data: str) -> bytes:
    """TFLiteConverter, full int8."""
    import tensorflow as tf
    import tf_keras
    images = examples(data)
    converter = tf.lite.TFLiteConverter.from_keras_model(tf_keras.models.load_model(model, compile=False))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def by_quantizer(model: str, data: str) -> bytes:
    """ai-edge-quantizer, static int8."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import quantizer, recipe
    images = examples(data)
    work = quantizer.Quantizer(model, recipe.static_wi8_ai8())
    signatures = Interpreter(model).get_signature_list()
    key = next(iter(signatures))
    name = signatures[key]["inputs"][0]
    ranges = work.calibrate({key: [{name: image[None]} for image in images]}, num_threads=1)
    return bytes(work.quantize(ranges).quantized_model)


if __name__ == "__main__":
    convert = {"tf": by_converter, "aeq": by_quantizer}[sys.argv[1]]
    with open(sys.argv[4], "wb") as file:
        file.write(convert(sys.argv[2], sys.argv[3]))
