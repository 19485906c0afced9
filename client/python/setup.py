"""Builds the package: the protocol's Python modules are generated from proto/ at the top of the repository."""

import pathlib
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from generate_protocol import generate  # noqa: E402


class BuildWithProtocol(build_py):
    """Generates octavo/v1/*_pb2*.py beside the copied sources; what is in the build's folder is what is packed."""

    def run(self):
        super().run()
        generate(pathlib.Path(self.build_lib))


setup(cmdclass={"build_py": BuildWithProtocol})
