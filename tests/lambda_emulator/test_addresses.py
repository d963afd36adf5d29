"""Addresses, TLS, regions and profiles, and --quiet."""

import socket
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lambda_emulator.credentials import region_of
from lambda_emulator.web.metadata import zone_id
from tests.lambda_emulator.support import (
    SCRIPTED,
    RunningEmulator,
    environment,
    write_template,
)
from tests.patience import PATIENCE


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def curl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", *words], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_localhost_is_both_addresses(tmp_path: Path) -> None:
    write_template(tmp_path)
    with RunningEmulator("--host", "localhost", cwd=tmp_path) as emulator:
        assert emulator.lines[0] == f"Listening on http://localhost:{emulator.port}"
        for version in ("-4", "-6"):
            done = curl(version, "--noproxy", "*", f"http://localhost:{emulator.port}/echo")
            assert '"rawPath": "/echo"' in done.stdout, done.stderr


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_one_address_of_ipv6(tmp_path: Path) -> None:
    with RunningEmulator("--host", "::1", cwd=tmp_path) as emulator:
        assert emulator.lines[0] == f"Listening on http://[::1]:{emulator.port}"
        done = curl("--noproxy", "*", f"http://[::1]:{emulator.port}/echo")
        assert '"rawPath": "/echo"' in done.stdout, done.stderr


def certificate(folder: Path) -> list[str]:
    """The options for a self-signed certificate for this machine, made in `folder`/cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, pkcs8, plain))
    return ["--certfile", str(folder / "cert.pem"), "--keyfile", str(folder / "key.pem")]


def test_tls(tmp_path: Path) -> None:
    options = certificate(tmp_path)
    with RunningEmulator(*options, cwd=tmp_path) as emulator:
        assert emulator.lines[0] == f"Listening on https://127.0.0.1:{emulator.port}"
        url = f"https://127.0.0.1:{emulator.port}"
        trusted = ("--noproxy", "*", "--cacert", str(tmp_path / "cert.pem"))
        done = curl(*trusted, f"{url}/echo")
        assert '"x-forwarded-proto": "https"' in done.stdout, done.stderr
        assert curl(*trusted, f"{url}/stream?count=3&size=5").stdout
        context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        with (
            socket.create_connection(("127.0.0.1", emulator.port), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            secure.sendall(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert secure.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("what", ["missing", "wrong"])
def test_a_certificate_that_cannot_be_read(tmp_path: Path, what: str) -> None:
    path = tmp_path / "cert.pem"
    if what == "wrong":
        path.write_text("no certificate")
    done = start("--certfile", str(path), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"lambda-emulator: --certfile {path}")
    assert "PEM" in done.stderr


def start(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lambda_emulator", "--port", "0", *words]
    return subprocess.run(
        [*command, "--", sys.executable, str(SCRIPTED)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_a_key_needs_a_certificate(tmp_path: Path) -> None:
    assert start("--keyfile", "key.pem", cwd=tmp_path).returncode == 2


def test_quiet(tmp_path: Path) -> None:
    """The functions' own log, and nothing else."""
    with RunningEmulator("--quiet", cwd=tmp_path) as emulator:
        emulator.get("/log")
        emulator.wait_for("log", message="ERROR a line on stderr")
        emulator.get("/log")
        emulator.stop()
        assert {event["event"] for event in emulator.drain()} == {"log"}


def test_regions_reach_what_is_named_after_them(tmp_path: Path) -> None:
    write_template(tmp_path, Environment={"Variables": {"PROBE_WHERE": {"Ref": "AWS::Region"}}})
    with RunningEmulator("--region", "eu-west-1", cwd=tmp_path) as emulator:
        seen = emulator.get("/echo").json()
    variables = seen["environment"]
    assert [variables[name] for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "PROBE_WHERE")] == [
        "eu-west-1"
    ] * 3
    domain = seen["event"]["requestContext"]["domainName"]
    assert domain.endswith(".lambda-url.eu-west-1.on.aws")
    assert "arn:aws:lambda:eu-west-1:" in str(seen)


def test_a_region_that_is_none(tmp_path: Path) -> None:
    done = start("--region", "Ireland", cwd=tmp_path)
    assert (done.returncode, "such as eu-west-1" in done.stderr) == (2, True)


def files(folder: Path) -> dict[str, str]:
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = s\n"
        "[dev]\naws_access_key_id = AKDEV\naws_secret_access_key = s\n"
    )
    (folder / "config").write_text("[profile dev]\nregion = eu-north-1\n")
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
    }


def test_a_profile_wins_over_the_shells_keys(tmp_path: Path) -> None:
    variables = files(tmp_path) | {"AWS_ACCESS_KEY_ID": "AKSHELL", "AWS_SECRET_ACCESS_KEY": "s"}
    with RunningEmulator("--profile", "dev", cwd=tmp_path, variables=variables) as emulator:
        seen = emulator.get("/echo").json()["environment"]
    assert (seen["AWS_ACCESS_KEY_ID"], seen["AWS_REGION"]) == ("AKDEV", "eu-north-1")


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with RunningEmulator("--profile", "gone", cwd=tmp_path, variables=files(tmp_path)) as emulator:
        told = emulator.wait_for("credentials")["message"]
    assert told.startswith("profile 'gone': ")


@pytest.mark.parametrize(
    ("shell", "profile", "region"),
    [
        ({}, None, "us-east-1"),
        ({"AWS_REGION": "eu-west-3", "AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-3"),
        ({"AWS_DEFAULT_REGION": "eu-west-2"}, None, "eu-west-2"),
        ({"AWS_PROFILE": "dev"}, None, "eu-north-1"),
        ({"AWS_REGION": "eu-west-3"}, "dev", "eu-north-1"),
        ({"AWS_REGION": "eu-west-3"}, "other", "eu-west-3"),
    ],
)
def test_whose_region(
    tmp_path: Path, shell: dict[str, str], profile: str | None, region: str
) -> None:
    assert region_of(files(tmp_path) | shell, profile) == region


def test_zones() -> None:
    assert zone_id("us-east-1") == "use1-az1"
    assert zone_id("ap-northeast-3") == "apne3-az1"
