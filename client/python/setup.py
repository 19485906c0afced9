"""Builds the package: the protocol's Python modules are generated from proto/ at the top of the repository."""

import os
import pathlib
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from generate_protocol import generate  # noqa: E402


class BuildWithProtocol(build_py):
    """Generates octavo/v1/*_pb2*.py beside the copied sources."""

    def run(self):
        # find_packages checks the folder; what is in it comes from the generator.
        os.makedirs(HERE / "octavo" / "v1", exist_ok=True)
        super().run()
        generate(pathlib.Path(self.build_lib))


setup(cmdclass={"build_py": BuildWithProtocol})
