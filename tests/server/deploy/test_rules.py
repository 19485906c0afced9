"""The Prometheus rules: valid, tested with promtool, and about metrics that there are."""

import pathlib
import re
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
GUIDE = ROOT / "docs" / "guides" / "operations.md"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_promtool_accepts_them():
    subprocess.run(["promtool", "check", "rules", RULES], check=True)


def test_alerts_fire_and_stay_silent_as_they_should():
    subprocess.run(["promtool", "test", "rules", pathlib.Path(__file__).with_name("rules_test.yaml")], check=True)


def test_each_alert_is_tested():
    tests = yaml.safe_load(pathlib.Path(__file__).with_name("rules_test.yaml").read_text())["tests"]
    tested = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert tested == {rule["alert"] for rule in ALERTS}


def test_each_alert_has_a_severity_and_a_section_in_the_guide():
    headings = {re.sub(r"[^a-z0-9-]", "", line.lstrip("# ").lower().replace(" ", "-"))
                for line in GUIDE.read_text().splitlines() if line.startswith("#")}
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("warning", "critical")
        path, anchor = rule["annotations"]["runbook"].split("#")
        assert path == "docs/guides/operations.md"
        assert anchor == rule["alert"].lower() and anchor in headings


def test_they_use_metrics_that_the_server_has():
    source = (ROOT / "server" / "metrics" / "metrics.cc").read_text()
    for rule in ALERTS:
        names = re.findall(r"\b(?:octavo|grpc_server)_[a-z_]+", re.sub(r'"[^"]*"', '""', rule["expr"]))
        for name in names:
            assert f'"{re.sub("_(bucket|sum|count)$", "", name)}"' in source, name
