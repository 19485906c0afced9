"""Runs an image as Kubernetes runs the pod of deploy/kubernetes, by bubblewrap: the second half of scripts/check-image.

run_image.py PLACE: PLACE/root is the image's root folder, PLACE/image.json what buildah says of it, PLACE/tests are
the test data. PLACE/data and PLACE/out are empty. To be run by root without a network but loopback.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

import grpc
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "build" / "release" / "python"))
import octavo  # noqa: E402
from octavo.v1 import jobs_pb2  # noqa: E402

PLACE = pathlib.Path(sys.argv[1])
IMAGE = json.loads((PLACE / "image.json").read_text())["OCIv1"]["config"]
POD = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "stateful-set.yaml").read_text())["spec"]["template"]["spec"]
ADDRESS = "127.0.0.1:8470"
BUILD_TOOLS = "cc c++ gcc g++ clang as ld make cmake ninja python3 pip git curl wget"


def command(*words: str, flags: tuple[str, ...] = ()) -> list[str]:
    """Words that run in the image with a read-only root, as its user, with no capability and no new privileges."""
    (container,) = POD["containers"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"] and security["capabilities"] == {"drop": ["ALL"]}
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/var/lib/octavo", "/tmp"}
    user, group = IMAGE["User"].split(":")
    assert int(user) == POD["securityContext"]["runAsUser"] and int(group) == POD["securityContext"]["runAsGroup"]
    environment = [word for setting in IMAGE["Env"] for word in ("--setenv", *setting.split("=", 1))]
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--bounding-set=-all", "--no-new-privs",
            "bwrap", "--ro-bind", str(PLACE / "root"), "/", "--proc", "/proc", "--dev", "/dev",
            "--size", str(64 << 20), "--tmpfs", "/tmp", "--bind", str(PLACE / "out"), "/tmp/out",
            "--bind", str(PLACE / "data"), "/var/lib/octavo", "--ro-bind", str(PLACE / "tests"), "/mnt",
            "--unshare-all", "--share-net", "--cap-drop", "ALL", "--new-session", "--die-with-parent",
            "--clearenv", *environment, "--chdir", "/", *flags, "--", *words]


def inside(script: str) -> str:
    """What a shell script in the image prints."""
    return subprocess.run(command("/bin/sh", "-ec", script), check=True, capture_output=True, text=True).stdout


def check_what_it_is() -> None:
    """Its user, its tools, and that nothing lent to the build has stayed."""
    assert IMAGE["User"] == "10001:10001" and "Healthcheck" not in IMAGE
    assert set(IMAGE["ExposedPorts"]) == {"8470", "9464"} or set(IMAGE["ExposedPorts"]) == {"8470/tcp", "9464/tcp"}
    assert [setting.split("=")[0] for setting in IMAGE["Env"]] == ["PATH"]
    status = inside("id -u; id -g; grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/self/status").split()
    assert status[:2] == ["10001", "10001"], status
    facts = dict(zip(status[2::2], status[3::2]))
    assert facts.pop("NoNewPrivs:") == "1" and set(facts.values()) == {"0" * 16}, facts
    print(f"ok: user 10001, {', '.join(fact.rstrip(':') for fact in facts)} are empty, no new privileges")
    for path in ("/x", "/usr/bin/x", "/etc/x", "/root/x", "/mnt/x"):
        assert inside(f"touch {path} 2>/dev/null && echo written || echo refused") == "refused\n", path
    assert inside("touch /tmp/x /var/lib/octavo/x && rm /tmp/x /var/lib/octavo/x && echo written") == "written\n"
    print("ok: writes to /tmp and /var/lib/octavo alone")
    assert inside(f"for tool in {BUILD_TOOLS}; do command -v $tool || true; done") == ""
    packages = inside("dpkg-query -W -f '${Package} '").split()
    assert not [name for name in packages if name.endswith("-dev") or name.startswith(("g++", "clang", "cmake", "binutils"))]
    root = PLACE / "root"
    # What was mounted into the build leaves empty folders at most.
    lent = [*(root / "root").rglob("*"), *(root / "usr/local/share/ca-certificates").rglob("*"),
            *(root / "etc/apt/apt.conf.d").glob("*lent"), *(root / "tmp").iterdir()]
    assert not [path for path in lent if not path.is_dir() and path.name not in (".bashrc", ".profile")], lent
    assert not (root / "src").exists()
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    print(f"ok: no build tool among {len(packages)} packages; {size / 1e6:.0f} MB")
    assert inside("sed -n 's/^ *\\([^ ]*\\):.*/\\1/p' /proc/net/dev").split() == ["lo"]
    print("ok: no network but loopback")


def health(channel: grpc.Channel, service: bytes) -> bytes:
    """grpc.health.v1.Health/Check, as Kubernetes' probe asks it; b"\\x08\\x01" is SERVING."""
    request = b"\x0a" + bytes([len(service)]) + service if service else b""
    return channel.unary_unary("/grpc.health.v1.Health/Check")(request, timeout=5)


def start() -> tuple[subprocess.Popen, int]:
    """The pod's container; gives its process and the pid of the server in it, which is its process 1."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        command(*IMAGE["Entrypoint"], *POD["containers"][0]["args"], flags=("--as-pid-1", "--info-fd", str(writing))),
        pass_fds=[writing], stderr=(PLACE / "log").open("wb"))
    os.close(writing)
    with os.fdopen(reading) as info:
        return server, json.load(info)["child-pid"]


def wait_until_serving(server: subprocess.Popen, channel: grpc.Channel) -> None:
    """As the startup probe: every 100 ms for 30 s."""
    deadline = time.monotonic() + 30
    while True:
        assert server.poll() is None, (PLACE / "log").read_text()[-4000:]
        try:
            if health(channel, b"") == b"\x08\x01":
                return
        except grpc.RpcError:
            pass
        assert time.monotonic() < deadline, (PLACE / "log").read_text()[-4000:]
        time.sleep(0.1)


def check_that_it_works() -> None:
    """A real job by the image's own command line, then SIGTERM."""
    assert "--require-sandbox" in POD["containers"][0]["args"]
    server, pid = start()
    try:
        with grpc.insecure_channel(ADDRESS) as channel:
            wait_until_serving(server, channel)
            assert health(channel, b"liveness") == b"\x08\x01"
        with octavo.Client(ADDRESS) as client:
            sandbox = list(client.jobs.GetCapabilities(jobs_pb2.GetCapabilitiesRequest()).sandbox)
        assert {"seccomp", "landlock"} <= {word.split()[0] for word in sandbox}, sandbox
        print(f"ok: serves; sandbox: {', '.join(sandbox)}")
        done = subprocess.run(command(
            "octavo", "optimize", "/mnt/models/mnist_cnn/float.tflite", "--calibrate", "/mnt/data/mnist.npz:calib_images",
            "--calibrate-examples", "100", "--evaluate", "/mnt/data/mnist.npz:test_images:labels=test_labels",
            "--scale", "1/255", "--variant", "all", "--out", "/tmp/out", "--server", ADDRESS),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        print(done.stdout, end="")
        made = {path.name for path in (PLACE / "out").iterdir()}
        assert {"float32.tflite", "int8.tflite", "int16x8.tflite", "report.json", "report.html"} <= made, made
        with urllib.request.urlopen("http://127.0.0.1:9464/metrics", timeout=5) as page:
            assert b'octavo_jobs_finished_total{outcome="succeeded"' in page.read()
        begun = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        status = server.wait(timeout=POD["terminationGracePeriodSeconds"])
        assert status == 0, f"exit status {status}: " + (PLACE / "log").read_text()[-4000:]
        assert (PLACE / "data" / "octavo.db").exists()
        print(f"ok: a job of {len(made)} files; SIGTERM to process 1: exit status 0 after {time.monotonic() - begun:.1f} s")
    finally:
        server.kill()


if __name__ == "__main__":
    for name in ("data", "out"):
        os.chown(PLACE / name, 10001, 10001)
        (PLACE / name).chmod(0o700)
    check_what_it_is()
    check_that_it_works()
