"""The Kubernetes manifests: valid, restricted, and about the program that there is."""

import pathlib
import re
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
# Their schemas come with the Prometheus operator, not with Kubernetes.
OTHERS = {"kustomization.yaml", "service-monitor.yaml"}
MANIFESTS = sorted(path for path in FOLDER.glob("*.yaml") if path.name not in OTHERS)


def resources() -> dict[tuple[str, str], dict]:
    """Every resource of the kustomization, by kind and name."""
    found = {}
    for name in KUSTOMIZATION["resources"]:
        for resource in yaml.safe_load_all((FOLDER / name).read_text()):
            found[resource["kind"], resource["metadata"]["name"]] = resource
    return found


def pod() -> dict:
    """The pod that the StatefulSet makes."""
    return resources()["StatefulSet", "octavo"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_is_valid(path, version):
    validated = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(path)],
        capture_output=True, text=True, check=False)
    assert validated.returncode == 0, validated.stdout + validated.stderr
    assert "Couldn't find schema" not in validated.stdout + validated.stderr


def test_a_mistake_is_noticed(tmp_path):
    broken = (FOLDER / "stateful-set.yaml").read_text().replace("serviceName:", "serviceNme:")
    (tmp_path / "broken.yaml").write_text(broken)
    validated = subprocess.run(
        [sys.executable, "-m", "kubernetes_validate", "--strict", str(tmp_path / "broken.yaml")],
        capture_output=True, text=True, check=False)
    assert validated.returncode != 0


def test_the_kustomization_names_every_manifest():
    assert {path.name for path in MANIFESTS} == set(KUSTOMIZATION["resources"])


def test_the_image_is_the_one_that_is_built():
    (image,) = KUSTOMIZATION["images"]
    assert {container["image"] for container in pod()["containers"]} == {image["name"]}
    wanted = f'{image["name"]}:{image["newTag"]}'
    for page in ("docs/guides/operations.md", "Dockerfile", "scripts/setup"):
        assert set(re.findall(r"docker build -t (\S+) ", (ROOT / page).read_text())) == {wanted}, page
    version = re.search(r"project\(octavo VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    assert image["newTag"] == version


def test_one_server_has_the_data_folder():
    spec = resources()["StatefulSet", "octavo"]["spec"]
    assert spec["replicas"] == 1
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_the_pod_is_restricted():
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    context = spec["securityContext"]
    assert context["runAsNonRoot"] and context["runAsUser"] == 10001
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert "memory" in container["resources"]["limits"]
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert not spec.get("hostNetwork") and not spec.get("hostPID") and not spec.get("hostIPC")
    assert all("hostPath" not in volume for volume in spec["volumes"])


def test_probes_ask_by_grpc_and_liveness_survives_draining():
    container = pod()["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == 8470
    assert container["livenessProbe"]["grpc"]["service"] == "liveness"


def test_there_is_time_to_drain():
    arguments = dict(argument.split("=", 1) for argument in pod()["containers"][0]["args"] if "=" in argument)
    assert float(arguments["--drain-timeout"]) < pod()["terminationGracePeriodSeconds"]


def test_services_and_policy_name_ports_that_the_pod_has():
    ports = {port["name"] for port in pod()["containers"][0]["ports"]}
    for service in ("octavo", "octavo-pods"):
        assert {port["targetPort"] for port in resources()["Service", service]["spec"]["ports"]} <= ports
    policy = resources()["NetworkPolicy", "octavo"]["spec"]
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == ports
    assert policy["policyTypes"] == ["Ingress", "Egress"] and policy["egress"] == []


def test_every_selector_finds_the_pod():
    labels = resources()["StatefulSet", "octavo"]["spec"]["template"]["metadata"]["labels"]
    selectors = [resources()["StatefulSet", "octavo"]["spec"]["selector"]["matchLabels"],
                 resources()["Service", "octavo"]["spec"]["selector"],
                 resources()["Service", "octavo-pods"]["spec"]["selector"],
                 resources()["NetworkPolicy", "octavo"]["spec"]["podSelector"]["matchLabels"]]
    for selector in selectors:
        assert selector.items() <= labels.items()


def test_the_monitor_finds_the_metrics_service():
    monitor = yaml.safe_load((FOLDER / "service-monitor.yaml").read_text())["spec"]
    service = resources()["Service", "octavo-pods"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
