"""The Dockerfiles of examples/images, built and invoked.

No registry is asked. The bases are stand-ins, made from the Lambda base image that is on this
machine. Like AWS's image, they start AWS's Runtime Interface Emulator if there is no Runtime API.
pip finds its packages in a folder.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lambda_asgi import _prelude as prelude
from lambda_asgi.testing import function_url_event
from tests.build.conftest import TOP, UV
from tests.lambda_asgi.test_rie import binary
from tests.patience import PATIENCE
from tests.ports import free_ports

MACHINE = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
BASE_IMAGE = f"public.ecr.aws/lambda/python:3.13-{MACHINE}"
EXAMPLE = TOP / "examples" / "images"
NUMBERS = b"data: 1\n\ndata: 2\n\ndata: 3\n\n"

PREPARED = """\
FROM {image}
COPY pip /opt/pip
COPY wheels /wheels
COPY aws-lambda-rie /usr/local/bin/
ENV PATH=/var/lang/bin:$PATH
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore
RUN printf '#!/bin/sh\\nPYTHONPATH=/opt/pip exec python3 -m pip "$@"\\n' >/var/lang/bin/pip \\
 && chmod +x /var/lang/bin/pip && ln -sf python3 /var/lang/bin/python
"""
AWS_BASE = """\
RUN printf '%s\\n' '#!/bin/sh' 'export _HANDLER="$1"' \\
    '[ -n "$AWS_LAMBDA_RUNTIME_API" ] || exec aws-lambda-rie /var/runtime/bootstrap' \\
    'exec /var/runtime/bootstrap' >/lambda-entrypoint.sh && chmod +x /lambda-entrypoint.sh
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""
PYTHON_BASE = "RUN rm -rf /var/runtime /var/lang/lib\n"


def reason_to_skip() -> str:
    if shutil.which("docker") is None:
        return "there is no docker"
    found = subprocess.run(
        ["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False
    )
    return f"no Docker engine is running, or it has no {BASE_IMAGE}" if found.returncode else ""


REASON = reason_to_skip()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.docker,
    pytest.mark.skipif(bool(REASON), reason=REASON),
    pytest.mark.timeout(600),
]


def docker(*arguments: str, source: str | None = None) -> str:
    done = subprocess.run(
        ["docker", *arguments], input=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> dict[str, str]:
    """The images that the Dockerfiles start from, by the Dockerfile's name."""
    context = tmp_path_factory.mktemp("context")
    seed = tmp_path_factory.mktemp("seed") / "venv"
    subprocess.run([UV, "venv", "-q", "--seed", "--python", sys.executable, str(seed)], check=True)
    (pip,) = seed.glob("lib/python*/site-packages/pip")
    shutil.copytree(pip, context / "pip" / "pip")
    shutil.copytree(wheels, context / "wheels")
    shutil.copy(binary(), context / "aws-lambda-rie")
    platforms = [
        f"manylinux{version}_{os.uname().machine}" for version in ("_2_28", "_2_17", "2014")
    ]
    download = [str(seed / "bin" / "python"), "-m", "pip", "download", "-q", "--only-binary=:all:"]
    download += ["--python-version", "3.13", *(f"--platform={platform}" for platform in platforms)]
    download += ["--find-links", str(wheels), "-d", str(context / "wheels")]
    subprocess.run([*download, "-r", str(EXAMPLE / "app" / "requirements.txt")], check=True)
    images = {}
    for name, rest in (("aws-base", AWS_BASE), ("python-base", PYTHON_BASE)):
        (context / "Dockerfile").write_text(PREPARED.format(image=BASE_IMAGE) + rest)
        images[name] = f"lambda-asgi-test/{name}-stand-in"
        docker("build", "-q", "-t", images[name], str(context))
    return images


def image(name: str, bases: dict[str, str]) -> str:
    tag = f"lambda-asgi-test/{name}"
    dockerfile = f"{EXAMPLE / name}.Dockerfile"
    docker(
        "build",
        "-q",
        "--build-arg",
        f"BASE={bases[name]}",
        "-f",
        dockerfile,
        "-t",
        tag,
        str(EXAMPLE),
    )
    return tag


@pytest.fixture(params=["aws-base", "python-base"])
def container(request: pytest.FixtureRequest, bases: dict[str, str]) -> Iterator[int]:
    """The port of a running container's Runtime Interface Emulator."""
    (port,) = free_ports(1)
    tag = image(request.param, bases)
    start = (
        ["--entrypoint", "aws-lambda-rie", tag, "python", "serve.py"]
        if request.param == "python-base"
        else [tag]
    )
    identifier = docker("run", "-d", "-p", f"127.0.0.1:{port}:8080", *start)
    yield port
    log = subprocess.run(
        ["docker", "logs", identifier], capture_output=True, text=True, check=False
    )
    docker("rm", "-f", identifier)
    print(log.stdout, log.stderr)


def invoke(port: int, path: str) -> bytes:
    """The emulator's answer, asked for again while it does not listen yet."""
    url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            return httpx.post(url, json=function_url_event(path), timeout=PATIENCE).content
        except httpx.TransportError:
            assert time.monotonic() < patience
            time.sleep(0.05)


def test_it_streams(container: int) -> None:
    """The emulator passes a streamed response on as it is: the prelude, NUL bytes, the body."""
    found = prelude.split(invoke(container, "/numbers"))
    assert found is not None
    head, body = found
    assert (head.status, body) == (200, NUMBERS)
