"""The report of the served version is shown as it was published, and nothing beside it is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.inference.version_files import FileDigest
from app.main import create_app
from app.settings import Settings
from tests.conftest import client_of

PATH = "/models/digits/report"
PAGE = b"<!doctype html><title>Report</title>"


@dataclass
class Published:
    """A version with a report, and the settings of a service that finds it."""

    file: Path
    settings: Settings
    manifest: Manifest

    async def get(self, **headers: str) -> httpx.Response:
        """Ask a service of this version for the report."""
        async with client_of(create_app(self.settings, FakeClassifier(self.manifest))) as client:
            return await client.get(PATH, headers=headers)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    """Version 3 with its report."""
    file = tmp_path / "3/assets.extra/report/index.html"
    file.parent.mkdir(parents=True)
    file.write_bytes(PAGE)
    digest = FileDigest(bytes=len(PAGE), sha256=hashlib.sha256(PAGE).hexdigest())
    manifest = Manifest.model_construct(  # type: ignore[call-arg]
        version=3, max_novelty=0.5, files={"assets.extra/report/index.html": digest}
    )
    return Published(file, Settings(models_dir=tmp_path), manifest)


async def test_the_report_is_shown_and_runs_nothing(published: Published) -> None:
    """As HTML, with a policy that lets only what is written into it show."""
    response = await published.get()
    assert (response.status_code, response.content) == (200, PAGE)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
    assert "script" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_an_unchanged_report_is_not_sent_again(published: Published) -> None:
    """A browser that has it asks, and is told so; one that has another gets it."""
    etag = (await published.get()).headers["ETag"]
    again = await published.get(**{"If-None-Match": f'W/"old", {etag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert (await published.get(**{"If-None-Match": '"old"'})).content == PAGE


@pytest.mark.parametrize("change", ["none", "gone", "longer", "other"])
async def test_what_was_not_verified_is_not_shown(published: Published, change: str) -> None:
    """A version without a report, or whose report has changed since, is a 404 that says so."""
    if change == "none":
        published.manifest.files.clear()
    elif change == "gone":
        published.file.unlink()
    else:
        published.file.write_bytes(PAGE + b"!" if change == "longer" else PAGE.upper())
    response = await published.get()
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/not-found"
    assert "Version 3 has no report" in response.json()["detail"]


async def test_no_report_without_a_model(tmp_path: Path) -> None:
    """While nothing is served, it is said that no model is ready."""
    async with client_of(create_app(Settings(models_dir=tmp_path))) as client:
        response = await client.get(PATH)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/not-ready")


async def test_the_page_leads_to_it(client: httpx.AsyncClient) -> None:
    """By an address that holds behind a proxy too."""
    assert f'href="{PATH.removeprefix("/")}"' in (await client.get("/")).text


@pytest.mark.parametrize("name", ["/metrics.json", "/../manifest.json", "/%2e%2e/manifest.json"])
async def test_nothing_else_of_the_version_is_read(client: httpx.AsyncClient, name: str) -> None:
    """There are no other files under that address."""
    assert (await client.get(PATH + name)).status_code == 404
