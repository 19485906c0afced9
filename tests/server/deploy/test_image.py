"""The Dockerfile, read without a container engine."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
TEXT = (ROOT / "Dockerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    """Name and arguments of each, continued lines joined."""
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", TEXT))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    """What is shipped."""
    all_of_them = instructions()
    start = max(i for i, (name, _) in enumerate(all_of_them) if name == "FROM")
    return all_of_them[start:]


def test_it_runs_as_a_user_without_rights():
    assert ("USER", "10001:10001") in last_stage()
    assert [name for name, _ in last_stage()][::-1].index("USER") < [name for name, _ in last_stage()][::-1].index("RUN")


def test_the_base_is_pinned():
    arguments = dict(value.split("=", 1) for name, value in instructions() if name == "ARG")
    assert re.fullmatch(r"debian:13\.\d+-slim", arguments["BASE"])
    assert "BASE_DIGEST" in arguments
    assert all("${BASE_DIGEST:+@${BASE_DIGEST}}" in value for name, value in instructions() if name == "FROM")
    assert "latest" not in TEXT


def test_it_ships_no_build_tools():
    shipped = " ".join(value for _, value in last_stage())
    for tool in ("g++", "clang", "cmake", "ninja", "pip", "-dev"):
        assert tool not in shipped


def test_it_has_no_health_check_and_names_its_volume_and_ports():
    stage = dict(last_stage())
    assert stage["HEALTHCHECK"] == "NONE"
    assert stage["VOLUME"] == "/var/lib/octavo"
    assert stage["EXPOSE"] == "8470 9464"
    assert "/usr/bin/octavod" in stage["ENTRYPOINT"]


def test_packages_come_from_the_list():
    assert "scripts/packages.txt" in TEXT
    installs = re.findall(r"apt-get install[^&]*", TEXT)
    assert len(installs) == 2
    assert all("xargs -a" in line for line in TEXT.splitlines() if "apt-get install" in line)
