"""Every query of the dashboards and alerts, run by a real Prometheus that scrapes a real octavod, returns data."""

import json
import pathlib
import socket
import subprocess
import time
import urllib.parse
import urllib.request

import numpy as np
import octavo
import pytest
import yaml
from conftest import ROOT, data_path, model_path

DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))


def metrics_address(log: pathlib.Path) -> str:
    """Where the server says that it serves metrics."""
    ready = [json.loads(line) for line in log.read_text().splitlines() if '"metrics_port"' in line]
    return f"127.0.0.1:{int(ready[-1]['metrics_port'])}"


class Prometheus:
    """A Prometheus of its own that scrapes one target every second."""

    def __init__(self, folder: pathlib.Path, target: str):
        (folder / "prometheus.yaml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "1s"},
            "rule_files": [str(ROOT / "deploy" / "prometheus" / "rules.yaml")],
            "scrape_configs": [{"job_name": "octavo", "static_configs": [{"targets": [target]}]}]}))
        self.log = (folder / "prometheus.log").open("wb")
        # Port 0 is not told; a fixed one may be taken by another test, so the kernel is asked for one first.
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)

    def query(self, expression: str) -> list:
        """What an instant query gives now."""
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(url, timeout=10) as response:
            answer = json.load(response)
        assert answer["status"] == "success", (expression, answer)
        return answer["data"]["result"]

    def wait_for(self, expression: str) -> None:
        """Until the query gives something."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.query(expression):
                    return
            except OSError:
                assert self.process.poll() is None, pathlib.Path(self.log.name).read_text()[-2000:]
            time.sleep(0.1)
        raise AssertionError(f"nothing from {expression}")

    def stop(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture(scope="module")
def prometheus(server, tmp_path_factory):
    """Scrapes the shared server before, while and after it ran a job."""
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), metrics_address(server.folder / "log"))
    running.wait_for("octavo_build_info")
    with server.client() as client:
        client.optimize(
            model_path("mnist_cnn"), variants=["float32", "int8"], preprocess=octavo.Preprocess(scale=1 / 255),
            calibrate=octavo.Data(data_path("mnist"), {"": "calib_images"}, examples=20),
            evaluate=octavo.Data(data_path("mnist"), {"": "test_images"}, labels="test_labels", examples=200),
            out=tmp_path_factory.mktemp("dashboard"))
        with pytest.raises(octavo.OctavoError):
            client.optimize(model_path("mnist_cnn"), variants=["float32"], calibrate=np.zeros((4, 3), np.float32),
                            out=tmp_path_factory.mktemp("refused"))
    running.wait_for("increase(octavo_jobs_finished_total{outcome='succeeded'}[1m]) > 0")
    yield running
    running.stop()


def substituted(expression: str) -> str:
    """As Grafana asks it."""
    for name, value in {"$__rate_interval": "1m", "$__range": "5m", "$job": ".*", "$instance": ".*"}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_returns_data(prometheus, path):
    dashboard = json.loads(path.read_text())
    empty = [(panel["title"], target["expr"])
             for panel in dashboard["panels"] if panel["type"] != "row"
             for target in panel["targets"] if not prometheus.query(substituted(target["expr"]))]
    assert empty == []


def test_what_a_job_did_shows_in_the_figures(prometheus):
    def value(expression: str) -> float:
        return sum(float(series["value"][1]) for series in prometheus.query(expression))

    assert value("octavo_variants_total{scheme='int8', verdict='succeeded'}") >= 1
    assert value("octavo_upload_bytes_total{kind='model'}") > 10_000
    assert value("octavo_download_bytes_total") > 10_000
    assert value("octavo_stage_duration_seconds_count{stage='evaluate'}") >= 2
    assert value("octavo_jobs{state='succeeded'}") >= 1
    assert value("sum(octavo_variant_accuracy_drop_points_count{scheme='int8'})") >= 1
    assert value("grpc_server_handled_total{grpc_method='WatchJob', grpc_code='OK'}") >= 1
    assert value("octavo_worker_exits_total{cause='ok'}") >= 1


def test_alerts_are_evaluated_and_silent(prometheus):
    with urllib.request.urlopen(f"http://127.0.0.1:{prometheus.port}/api/v1/rules", timeout=10) as response:
        groups = json.load(response)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) == 9
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
    assert all(rule["health"] in ("ok", "unknown") for rule in rules)


def test_the_page_passes_promtool(server):
    with urllib.request.urlopen(f"http://{metrics_address(server.folder / 'log')}/metrics", timeout=10) as response:
        page = response.read()
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
