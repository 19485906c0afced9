"""Writes tests/data/images: small images of every kind that is read, what Pillow makes of their pixels, what
tf.image.resize makes of them, and a TFRecord as TensorFlow writes it.

    python3 make_image_goldens.py        # in an environment of requirements.txt

The photo is a crop of data/mobilenet.npz whose source is in the public domain or CC0.
"""

import io
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image

DATA = pathlib.Path(__file__).resolve().parents[1]
OUT = DATA / "images"
FREE = ("astronaut.png", "chelsea.png", "coffee.png", "grace_hopper.jpg", "rocket.jpg")


def free_crops() -> list[np.ndarray]:
    """The first crop of each photo that anyone may use for anything."""
    arrays = np.load(DATA / "data" / "mobilenet.npz")
    sources = [str(name) for name in arrays["crop_sources"]]
    return [arrays["crops"][next(i for i, s in enumerate(sources) if name in s)] for name in FREE
            if any(name in s for s in sources)]


def save(image: Image.Image, name: str, **options) -> None:
    """One image, and what Pillow reads of it again."""
    image.save(OUT / name, **options)
    again = Image.open(OUT / name)
    again.load()
    read = np.asarray(again)
    if read.dtype == np.int32 or read.dtype == np.uint16:  # 16 bits: the upper eight
        read = (read >> 8).astype(np.uint8)
        again = Image.fromarray(read)
    if again.mode == "LA":
        again = again.getchannel(0)
    elif again.mode == "RGBA":
        again = Image.merge("RGB", again.split()[:3])
    elif again.mode == "1":
        again = again.convert("L")
    decoded[name + "/3"] = np.asarray(again.convert("RGB"))
    decoded[name + "/1"] = np.asarray(again.convert("L"))


OUT.mkdir(exist_ok=True)
decoded: dict[str, np.ndarray] = {}
crops = free_crops()
photo = Image.fromarray(crops[0]).resize((48, 40), Image.Resampling.LANCZOS)
grey = photo.convert("L")
save(photo, "colour.jpg", quality=90)
save(photo, "progressive.jpg", quality=80, progressive=True, subsampling=0)
save(photo, "restarts.jpg", quality=70, restart_marker_blocks=3)
save(grey, "grey.jpg", quality=90)
save(photo.convert("CMYK"), "cmyk.jpg", quality=90)
save(photo, "colour.png", optimize=True)
save(grey, "grey.png", optimize=True)
alpha = Image.fromarray((np.indices((40, 48)).sum(0) * 3 % 256).astype(np.uint8))
save(Image.merge("RGBA", [*photo.split(), alpha]), "alpha.png", optimize=True)
save(Image.merge("LA", [grey, alpha]), "grey_alpha.png", optimize=True)
deep = np.asarray(grey).astype(np.uint16)
save(Image.fromarray(deep * 256 + 255 - deep), "grey16.png")
save(photo.quantize(200), "palette.png", optimize=True)
save(photo.quantize(13), "palette4.png", bits=4)
save(grey.point(lambda v: 255 * (v > 100)).convert("1"), "grey1.png")
# Masks: what is stored, whatever colours the palette has.
classes = Image.fromarray((np.asarray(grey) // 40).astype(np.uint8), mode="P")
classes.putpalette([value for i in range(7) for value in (i * 30, 255 - i * 20, 90)])
for name, options in {"mask.png": {"bits": 8}, "mask4.png": {"bits": 4}}.items():
    classes.save(OUT / name, **options)
    decoded[name] = np.asarray(classes)
Image.fromarray((np.asarray(grey) // 40).astype(np.uint8)).save(OUT / "mask_grey.png")
decoded["mask_grey.png"] = np.asarray(classes)
np.savez_compressed(OUT / "decoded.npz", **decoded)

# By the crop's place in mobilenet.npz; "small" is taken upwards, and is beside them.
all_crops = np.load(DATA / "data" / "mobilenet.npz")["crops"]
resized = {"small": crops[0][100:117, 90:103]}
for crop, sizes in ((crops[0], ((60, 52), (97, 131))), (crops[1], ((70, 61),)), (crops[2], ((48, 224),))):
    place = next(i for i, other in enumerate(all_crops) if (other == crop).all())
    for height, width in sizes:
        for method in ("bilinear", "nearest"):
            pixels = tf.image.resize(crop, (height, width), method=method, antialias=False)
            resized[f"{place}/{height}/{width}/{method}"] = np.rint(np.asarray(pixels)).astype(np.uint8)
for method in ("bilinear", "nearest"):
    pixels = tf.image.resize(resized["small"], (50, 60), method=method)
    resized[f"small/50/60/{method}"] = np.rint(np.asarray(pixels)).astype(np.uint8)
np.savez_compressed(OUT / "resized.npz", **resized)


def bytes_list(*values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def floats(*values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def integers(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


with tf.io.TFRecordWriter(str(OUT / "examples.tfrecord")) as writer:
    for i in range(5):
        size = (24 + 2 * i, 20)
        encoded = io.BytesIO()
        photo.resize(size).save(encoded, "JPEG" if i % 2 else "PNG", quality=90)
        writer.write(tf.train.Example(features=tf.train.Features(feature={
            "image/encoded": bytes_list(encoded.getvalue()),
            "image/class/label": integers(i % 3),
            "image/class/text": bytes_list(b"class" + b"x" * i),
            "raw": bytes_list(bytes(range(10 * i, 10 * i + 6))),
            "numbers": floats(*[i + j / 8 for j in range(6)]),
            "tokens": integers(*[100 * i + j - 3 for j in range(6)]),
            "boxes": floats(*[0.5] * i),
        })).SerializeToString())
