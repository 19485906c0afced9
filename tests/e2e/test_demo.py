"""`make demo` once all is built, and a setup that finds nothing to do: both are over soon."""

import subprocess
import time

import pytest
from conftest import BUILD, ROOT, VARIANTS

pytestmark = pytest.mark.skipif(BUILD != ROOT / "build" / "release", reason="the demo uses the release build")


def test_the_demo_again_takes_less_than_30_seconds():
    subprocess.run(["cmake", "--build", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    begun = time.monotonic()
    done = subprocess.run(["make", "-s", "demo"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - begun < 30
    lines = done.stdout.splitlines()
    table = [line.split()[0] for line in lines if line.strip()]
    assert table[: len(VARIANTS) + 1] == ["variant", *VARIANTS]
    assert "artifacts and report: build/demo/report/" in done.stderr
    report = ROOT / "build" / "demo" / "report"
    assert len(list(report.glob("*.tflite"))) == len(VARIANTS)
    assert (report / "report.html").exists() and (report / "report.json").exists()
    # The server is gone: nobody holds its folder.
    lock = ROOT / "build" / "demo" / "server" / "lock"
    assert lock.exists() and subprocess.run(["flock", "--nonblock", lock, "true"], check=False).returncode == 0


def test_a_setup_with_nothing_to_do_takes_less_than_2_seconds():
    begun = time.monotonic()
    subprocess.run(["scripts/setup"], cwd=ROOT, check=True)
    assert time.monotonic() - begun < 2
