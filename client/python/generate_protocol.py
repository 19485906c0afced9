"""Generates the protocol's Python modules: generate_protocol.py FOLDER makes FOLDER/octavo/v1/*_pb2*.py."""

import pathlib
import sys

import google.rpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def generate(folder: pathlib.Path) -> None:
    """Writes the modules below `folder`."""
    googleapis = pathlib.Path(list(google.rpc.__path__)[0]).parents[1]
    builtin = pathlib.Path(protoc.__file__).parent / "_proto"
    files = [str(path.relative_to(PROTO)) for path in sorted((PROTO / "octavo" / "v1").glob("*.proto"))]
    (folder / "octavo" / "v1").mkdir(parents=True, exist_ok=True)
    code = protoc.main(
        ["protoc", f"-I{PROTO}", f"-I{googleapis}", f"-I{builtin}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
        + files
    )
    if code != 0:
        raise RuntimeError("protoc failed")
    (folder / "octavo" / "v1" / "__init__.py").touch()


if __name__ == "__main__":
    generate(pathlib.Path(sys.argv[1]))
