"""Writes the small .npz files beside it, as NumPy itself writes them: python3 make_npz.py. Needs numpy.

Values are simple functions of their place, so that tests can say what they must be: example i, element j of an array of
integers is (7 * i + j) % 100.
"""

import io
import pathlib
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).parent


def counted(shape, dtype):
    size = int(np.prod(shape[1:]))
    values = (7 * np.arange(shape[0])[:, None] + np.arange(size)[None, :]) % 100
    return values.reshape(shape).astype(dtype)


TYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
every_type = {name: counted((5, 3), name) for name in TYPES}
np.savez(HERE / "every_type_stored.npz", **every_type)
np.savez_compressed(HERE / "every_type_deflated.npz", **every_type)

np.savez_compressed(
    HERE / "images.npz",
    x=counted((6, 4, 4, 3), "uint8"),
    y=np.array([0, 1, 2, 0, 1, 2], "int64"),
    note=np.array(["a", "bc", "d", "e", "f", "g"]),
)
np.savez(HERE / "objects.npz", x=np.array([{"a": 1}, None], dtype=object))
np.savez(HERE / "fortran.npz", x=np.asfortranarray(counted((4, 3), "float32")))
np.savez(HERE / "big_endian.npz", x=counted((4, 3), ">i4"))
np.savez(HERE / "scalar.npz", x=np.float32(3), empty=np.zeros((0, 3), "float32"))
np.save(HERE / "single.npy", counted((4, 3), "float32"))


def npy(array, version):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version, allow_pickle=False)
    return out.getvalue()


with zipfile.ZipFile(HERE / "versions.npz", "w") as out:
    for version in [(1, 0), (2, 0), (3, 0)]:
        out.writestr(f"v{version[0]}.npy", npy(counted((4, 3), "uint8"), version))
