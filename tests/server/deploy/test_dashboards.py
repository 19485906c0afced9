"""The Grafana dashboards, by the rules of dashboard-linter; their queries are run in tests/e2e/test_dashboard.py."""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
SOURCE = (ROOT / "server" / "metrics" / "metrics.cc").read_text() + \
    (ROOT / "server" / "metrics" / "process_metrics.cc").read_text()

pytestmark = pytest.mark.parametrize("dashboard", [json.loads(path.read_text()) for path in DASHBOARDS],
                                     ids=[path.stem for path in DASHBOARDS])


def panels(dashboard: dict) -> list[dict]:
    """All but the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard: dict) -> list[str]:
    """Every expression."""
    return [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]


def test_is_a_whole_dashboard(dashboard):
    assert dashboard["title"] and dashboard["uid"] and dashboard["description"]
    assert dashboard["editable"] is False
    assert len(panels(dashboard)) >= 20
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)


def test_variables_are_templated(dashboard):
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    for name in ("job", "instance"):
        assert variables[name]["type"] == "query"
        assert variables[name]["datasource"]["uid"] == "${datasource}"
        assert variables[name]["query"]["query"].startswith("label_values(")


def test_every_panel_says_what_it_shows(dashboard):
    for panel in panels(dashboard):
        assert panel["title"] and len(panel["description"]) > 15, panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])
        assert all(target["legendFormat"] for target in panel["targets"])


def test_every_selector_has_job_and_instance(dashboard):
    for expression in queries(dashboard):
        selectors = re.findall(r"[a-z_]+(?:_total|_bucket|_sum|_count|_bytes|_seconds|[a-z])(\{[^}]*\})", expression)
        assert selectors, expression
        for selector in selectors:
            assert 'job=~"$job"' in selector and 'instance=~"$instance"' in selector, expression


def test_counters_are_read_as_rates(dashboard):
    for expression in queries(dashboard):
        for match in re.finditer(r"([a-z_]+_(?:total|bucket|sum|count))\{[^}]*\}(\S*)", expression):
            before = expression[:match.start()]
            assert re.search(r"(rate|increase)\($", before), expression
            assert match.group(2).startswith(("[$__rate_interval]", "[$__range]")), expression


def test_metrics_exist(dashboard):
    for expression in queries(dashboard):
        for name in re.findall(r"([a-z_]+)\{", expression):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            assert f'"{base}"' in SOURCE or f'"{name}"' in SOURCE, name


def test_panels_do_not_overlap(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
        cells = {(x, y) for x in range(position["x"], position["x"] + position["w"])
                 for y in range(position["y"], position["y"] + position["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
