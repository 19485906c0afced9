"""The report: numbers as numbers, one page without outside help, readable on a phone."""

import html
import json
import re
import subprocess

import pytest

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def page(mnist) -> str:
    """report.html of the MNIST job."""
    return mnist.paths["report.html"].read_text()


def test_json_has_field_names_and_numbers(mnist):
    report = json.loads(mnist.paths["report.json"].read_text())
    assert report["model"]["operators"]
    for variant in report["variants"]:
        assert isinstance(variant["artifact"]["size_bytes"], int)
        assert len(variant["latency"]["samples_ms"]) >= 5
        assert sum(variant["accuracy"]["confusion"]) == variant["accuracy"]["examples"] == 10_000
        assert variant["latency"]["runtime"]
    assert report["calibration"]["examples"] == 100
    assert len(report["model"]["digest"]) == 64


def test_json_and_message_say_the_same(mnist):
    report = json.loads(mnist.paths["report.json"].read_text())
    for ours, theirs in zip(report["variants"], mnist.report.variants, strict=True):
        assert ours["accuracy"]["top1"] == theirs.accuracy.top1
        assert ours["artifact"]["digest"] == theirs.artifact.digest


def test_page_needs_nothing_from_outside(page):
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert "@import" not in page and "<link" not in page and "<iframe" not in page
    assert page.count("<svg") >= 3


@pytest.mark.parametrize("width", [1200, 390])
def test_page_fits_its_window(page, tmp_path, width):
    frame = (f"<iframe id=f style='border:0;width:{width}px;height:3000px' srcdoc=\"{html.escape(page)}\"></iframe>"
             "<script>f.onload=()=>{const d=f.contentDocument.documentElement;"
             "document.title='width '+d.scrollWidth+' height '+d.scrollHeight}</script>")
    (tmp_path / "frame.html").write_text(f"<!doctype html><meta charset=utf-8><title></title><body style='margin:0'>{frame}")
    done = subprocess.run([*CHROMIUM, f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", "--dump-dom",
                           "--window-size=1400,3200", f"file://{tmp_path / 'frame.html'}"],
                          capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"<title>width (\d+) height (\d+)</title>", done.stdout)
    assert found, done.stdout[-500:]
    assert int(found[1]) <= width and int(found[2]) > 800
