"""`rowscan health`: one line, an exit code, and nothing slow to import."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys

import pytest
from fastapi import FastAPI

from rowscan.address import AddressError, describe, own_address, parse_address
from rowscan.health import asked, check
from tests.rowscan.serving import Said, saying, serving, unused_address


def test_a_ready_service(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    """0, and the address."""
    with serving(app) as address:
        assert check(address.url) == 0
    assert capsys.readouterr().out == f"{address.url} is ready\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (Said(503, b'{"status": "loading"}'), "loading"),
        (Said(503, b'{"detail": "Stopping.", "status": 503}'), "Stopping."),
        (Said(404, b"<html>"), "it answered 404"),
        (Said(500, b"[]"), "it answered 500"),
    ],
)
def test_a_service_that_is_not_ready(
    said: Said, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """1, and what it says."""
    with saying(said) as service:
        assert check(f"{service.address.url}/behind/") == 1
    assert service.asked[0][0] == "/behind/health/ready"
    url = f"{service.address.url}/behind"
    assert capsys.readouterr().err == f"rowscan: {url} is not ready: {why}\n"


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """1, and one line."""
    address = unused_address()
    assert check(address.url) == 1
    said = capsys.readouterr().err
    assert said == f"rowscan: {address.url} does not answer: Connection refused\n"


def test_not_over_tls(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    """Not OpenSSL's own words."""
    with serving(app) as address:
        assert check(address.url.replace("http:", "https:")) == 1
    assert "does not answer: it does not speak TLS, but http://" in capsys.readouterr().err


def test_a_certificate_that_nobody_vouches_for() -> None:
    """What is wrong with it, in its own words."""
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    assert describe(error) == "its certificate is not trusted, self-signed certificate"


def test_what_is_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    """1, and what one looks like."""
    assert check("ftp://localhost") == 1
    assert "http://localhost:8000" in capsys.readouterr().err


def test_a_setting_that_is_no_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the address comes from, since nobody has given one."""
    monkeypatch.setenv("ROWSCAN_PORT", "abc")
    assert check() == 1
    assert "(ROWSCAN_HOST, ROWSCAN_PORT or --url" in capsys.readouterr().err


def test_start_is_quick() -> None:
    """As a program it takes neither TensorFlow nor numpy nor typer in."""
    program = """
import sys
from rowscan.__main__ import main
sys.argv = ["rowscan", "health"]
try:
    main()
except SystemExit as end:
    slow = {"tensorflow", "numpy", "typer", "rich", "pydantic", "app"} & set(sys.modules)
    sys.exit(str(slow) if slow or end.code != 1 else 0)
"""
    port = str(unused_address().port)
    environment = {**os.environ, "ROWSCAN_HOST": "0.0.0.0", "ROWSCAN_PORT": port}  # noqa: S104
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == (
        f"rowscan: http://127.0.0.1:{port} does not answer: Connection refused "
        "(ROWSCAN_HOST, ROWSCAN_PORT or --url name another address)\n"
    )


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"ROWSCAN_HOST": "0.0.0.0", "ROWSCAN_PORT": "81"}, "http://127.0.0.1:81"),  # noqa: S104
        ({"ROWSCAN_HOST": "::"}, "http://[::1]:8000"),
        ({"ROWSCAN_HOST": "digits.example", "ROWSCAN_PORT": ""}, "http://digits.example:8000"),
    ],
)
def test_own_address(environment: dict[str, str], url: str) -> None:
    """That of the settings; who listens to all is asked on this machine."""
    assert own_address(environment) == url


def test_addresses() -> None:
    """With or without http://, with a path, without the password in messages."""
    assert parse_address("localhost:8000").url == "http://localhost:8000"
    assert (
        parse_address("https://me:secret@example.org/digits/").url == "https://example.org/digits"
    )
    assert parse_address("http://host/zür ich%20").path == "/z%C3%BCr%20ich%20"
    for wrong in ("", "http://", "http://host:port", "http://a b", "http://a..b", "file:///etc"):
        with pytest.raises(AddressError):
            parse_address(wrong)


@pytest.mark.parametrize(
    ("words", "url"),
    [
        (["health"], ""),
        (["health", "--url", "x"], "x"),
        (["health", "--url=x"], "x"),
        (["health", "--help"], None),
        (["health", "--url"], None),
        (["health", "--url="], None),
        ([], None),
    ],
)
def test_what_is_asked_at_once(words: list[str], url: str | None) -> None:
    """All else is left to the whole command line, which has the help."""
    assert asked(words) == url
