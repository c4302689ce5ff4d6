"""The image, built and run for real: `make docker-test`. Standard library only.

Builds both targets, composes the service up under a project name and a port of its own, looks at
it from outside, has a version trained and taken over, and stops it: by the very commands that the
documents show. Containers, networks and volumes are removed at the end whatever
happens; the images stay, so that the next build is fast.

DOCKER_BUILD_ARGS holds more options for `docker build` (`--network=host` behind some proxies).
Exit code 0: all checks hold. 1: one does not. 3: there is no engine or no compose to run it with.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROJECT = f"rowscan-docker-test-{os.getpid()}"
IMAGES = {"serve": "rowscan:docker-test", "train": "rowscan-train:docker-test"}
HEALTHY_WITHIN_S = 120
STARTED_WITHIN_S = 30
STOPPED_WITHIN_S = 30
TAKEN_OVER_WITHIN_S = 60
EXIT_NO_ENGINE = 3

DOCUMENTED = (
    "docker compose up -d",
    "docker compose run --rm train",
    "docker compose up",
    "docker compose --profile observability up",
    "docker compose down --volumes",
    "docker compose up -d --build",
)
"""The documents' commands, in the order in which they are tried; test_documents.py compares."""

# Training as it is written, but with tiny presets and data: see there.
SHORT_TRAINING = [
    "-v",
    f"{ROOT}/tests:/srv/rowscan/tests:ro",
    "-e",
    "PYTHONPATH=/srv/rowscan/tests/e2e/short",
]

tried: set[str] = set()


class CheckError(Exception):
    """One of the checks does not hold."""


def check(claim: str, holds: bool) -> None:
    """Print the claim, or raise it when it does not hold."""
    if not holds:
        raise CheckError(claim)
    print(f"  ok  {claim}", flush=True)


def answers(*command: str) -> bool:
    """Whether the command exists and exits with 0."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def output(*command: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()
        raise CheckError(f"`{shlex.join(command)}` exited with {done.returncode}:\n{said}")
    return done.stdout.strip()


def find_compose() -> list[str] | None:
    """The compose command of this machine: the plugin, or the older program."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if answers(*command, "version"):
            return [*command, "--project-name", PROJECT]
    return None


def documented(compose: list[str], command: str) -> list[str]:
    """A command of the documents, for the project of this test."""
    tried.add(command)
    return [*compose, *shlex.split(command)[2:]]


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def build_images() -> None:
    """Build both targets; the engine's own output shows the progress."""
    options = shlex.split(os.environ.get("DOCKER_BUILD_ARGS", ""))
    for target, image in IMAGES.items():
        print(f"building {image} …", flush=True)
        command = ["docker", "build", *options, "--target", target, "--tag", image, "."]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            raise CheckError(f"the target {target} builds")
        size_bytes = int(output("docker", "image", "inspect", "--format", "{{.Size}}", image))
        print(f"  {image}: {size_bytes / 1e9:.2f} GB", flush=True)


def inspect(container: str) -> dict[str, Any]:
    """What the engine knows of the container."""
    described: dict[str, Any] = json.loads(output("docker", "inspect", container))[0]
    return described


def wait_until_healthy(container: str) -> float:
    """Seconds until the image's own health check passes."""
    started = time.monotonic()
    status = "starting"
    while time.monotonic() - started < HEALTHY_WITHIN_S:
        state = inspect(container)["State"]
        status = state["Health"]["Status"]
        if status == "healthy":
            return time.monotonic() - started
        if state["Status"] != "running":
            raise CheckError(f"the container runs (it is {state['Status']})")
        time.sleep(0.5)
    raise CheckError(f"healthy within {HEALTHY_WITHIN_S} s (it is {status})")


def predict(port: int) -> dict[str, Any]:
    """The service's answer to the example picture."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        data=(ROOT / "examples" / "7.png").read_bytes(),
        headers={"Content-Type": "image/png"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def is_served(port: int, path: str) -> bool:
    """Whether the service has something at this path."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as response:
        return bool(response.read())


def check_confinement(container: str) -> None:
    """The process has no more rights than it needs."""
    uid = output("docker", "exec", container, "id", "-u")
    check(f"runs as a user without rights (uid {uid})", uid not in {"", "0"})
    for path in ("/probe", "/srv/rowscan/app/probe", "/srv/rowscan/models/probe"):
        check(f"cannot write {path}", not answers("docker", "exec", container, "touch", path))
    check("can write /tmp", answers("docker", "exec", container, "touch", "/tmp/probe"))  # noqa: S108
    status = output("docker", "exec", container, "cat", "/proc/1/status").splitlines()
    fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    check("has no capabilities and can gain none", int(fields["CapBnd"], 16) == 0)
    check("cannot gain privileges", fields["NoNewPrivs"] == "1")
    limits = inspect(container)["HostConfig"]
    limited = all(limits[name] > 0 for name in ("Memory", "NanoCpus", "PidsLimit"))
    check("is limited in memory, CPUs and processes", limited)


def check_stop(compose: list[str], container: str) -> None:
    """SIGTERM ends the service by itself, in time."""
    started = time.monotonic()
    output(*compose, "stop")
    seconds = time.monotonic() - started
    check(f"stops within {STOPPED_WITHIN_S} s ({seconds:.1f} s)", seconds < STOPPED_WITHIN_S)
    code = inspect(container)["State"]["ExitCode"]
    check(f"exits with 0 (it was {code})", code == 0)


def check_service(compose: list[str], port: int) -> None:
    """All checks, on a service that this starts."""
    output(*documented(compose, "docker compose up -d"))
    container = output(*compose, "ps", "-q", "api")
    seconds = wait_until_healthy(container)
    check(f"healthy {seconds:.1f} s after `docker compose up`", True)
    answer = predict(port)
    check(f"reads examples/7.png as 7 ({json.dumps(answer)[:80]}…)", answer["digit"] == 7)
    for path in ("/", "/static/page.js", "/docs", "/static/swagger-ui-bundle.js"):
        check(f"serves {path}", is_served(port, path))
    check_confinement(container)
    check_training(compose, port)
    check_stop(compose, container)


def check_training(compose: list[str], port: int) -> None:
    """Training in its container publishes a version, which the running service takes over."""
    *run, service = documented(compose, "docker compose run --rm train")
    uid = output(*run, "--entrypoint", "id", service, "-u").splitlines()[-1].strip()
    check(f"training runs as a user without rights (uid {uid})", uid not in {"", "0"})
    said = output(*run, *SHORT_TRAINING, service)
    check("trains, evaluates and publishes", "Published models/digits/2" in said)
    deadline = time.monotonic() + TAKEN_OVER_WITHIN_S
    while (version := predict(port)["model_version"]) != 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    check(f"the service takes it over (version {version} answers)", version == 2)


def check_foreground(compose: list[str]) -> None:
    """`docker compose up` serves until it is told to end; with the profile, its file is sound."""
    process = subprocess.Popen(
        documented(compose, "docker compose up"),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until_started(compose)
        container = output(*compose, "ps", "-q", "api")
        wait_until_healthy(container)
        # Not SIGINT, which whoever runs in the background ignores, and so its children do.
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        raise CheckError(f"`docker compose up` ends within {STOPPED_WITHIN_S} s") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    code = inspect(container)["State"]["ExitCode"]
    check(f"`docker compose up` is healthy, and ends when told to (with {code})", code == 0)
    # Their images may not be had here: compose reads and checks its file, and starts nothing.
    *profile, _ = documented(compose, "docker compose --profile observability up")
    services = output(*profile, "config", "--services").split()
    check("the profile adds Prometheus and Grafana", {"prometheus", "grafana"} <= {*services})


def wait_until_started(compose: list[str]) -> None:
    """Return once the service has a container that runs."""
    deadline = time.monotonic() + STARTED_WITHIN_S
    while not output(*compose, "ps", "-q", "--filter", "status=running", "api"):
        if time.monotonic() > deadline:
            raise CheckError(f"a container runs within {STARTED_WITHIN_S} s")
        time.sleep(0.5)


def check_upgrade(compose: list[str], port: int) -> None:
    """The documented upgrade fills the models volume from the image again."""
    for command in ("docker compose down --volumes", "docker compose up -d --build"):
        output(*documented(compose, command))
    wait_until_healthy(output(*compose, "ps", "-q", "api"))
    version = predict(port)["model_version"]
    check(f"an upgrade serves the image's own version ({version})", version == 1)


def main() -> int:
    """Run all of it; the exit code says how it went."""
    compose = find_compose()
    if compose is None or not answers("docker", "version"):
        print("docker-test: no container engine with compose answers here", file=sys.stderr)
        return EXIT_NO_ENGINE
    port = free_port()
    os.environ["ROWSCAN_PORT"] = str(port)
    os.environ["ROWSCAN_IMAGE"] = IMAGES["serve"]
    os.environ["ROWSCAN_TRAIN_IMAGE"] = IMAGES["train"]
    try:
        build_images()
        check_service(compose, port)
        check_foreground(compose)
        check_upgrade(compose, port)
        check("every command of the documents was tried", tried == {*DOCUMENTED})
    except (CheckError, OSError) as error:
        print(f"docker-test: FAILED: {error}", file=sys.stderr)
        subprocess.run([*compose, "logs", "--tail", "40"], cwd=ROOT, check=False)
        return 1
    finally:
        subprocess.run(
            [*compose, "down", "--volumes", "--remove-orphans", "--timeout", "5"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
    print("docker-test: all checks hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
