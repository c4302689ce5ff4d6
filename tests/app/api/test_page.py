"""The page and the documentation are whole without any other host, and confined to this one."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from app.api.page import STATIC

PAGES = ["/", "/docs"]
FILES = sorted(path.name for path in STATIC.iterdir())
HOST = re.compile(r"https?://|[\"'(]//")
# The names of XML's vocabularies look like addresses and are none.
NO_HOST = "http://www.w3.org/2000/svg"


def loaded(page: str) -> list[str]:
    """The files that a page names, as paths."""
    return [f"/{name}" for name in re.findall(r'(?:src|href)="(static/.*?)"', page)]


def policy(response: httpx.Response) -> dict[str, str]:
    """The directives of the Content-Security-Policy."""
    directives = response.headers["Content-Security-Policy"].split("; ")
    return dict(directive.split(" ", 1) for directive in directives)


@pytest.mark.parametrize("path", PAGES)
async def test_page_and_all_its_files(client: httpx.AsyncClient, path: str) -> None:
    """Each page answers, and so does every file that it names, all of them ours."""
    response = await client.get(path)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    names = loaded(response.text)
    assert len(names) >= 3
    for name in names:
        assert (await client.get(name)).status_code == 200, name


async def test_scripts_are_asked_for_at_once(client: httpx.AsyncClient) -> None:
    """The page names every script that its first one imports: none waits for another to arrive."""
    named = {Path(name).name for name in loaded((await client.get("/")).text)}
    assert {name for name in FILES if name.endswith(".js")} - named == {"docs.js"}


@pytest.mark.parametrize("path", [*PAGES, "/static/page.js", "/static/swagger-ui.css"])
async def test_confined(client: httpx.AsyncClient, path: str) -> None:
    """The browser may load from this host alone, and runs nothing that is written into a page."""
    response = await client.get(path)
    directives = policy(response)
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("name", FILES)
def test_no_other_host(name: str) -> None:
    """No file of the pages names another host."""
    assert not HOST.search((STATIC / name).read_text().replace(NO_HOST, ""))


@pytest.mark.parametrize("name", FILES)
def test_nothing_inline(name: str) -> None:
    """No file has what the policy would stop: scripts, styles and handlers within the markup."""
    text = (STATIC / name).read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=\"|innerHTML", text)


@pytest.mark.parametrize("path", PAGES)
async def test_addresses_are_relative(client: httpx.AsyncClient, path: str) -> None:
    """Behind a proxy that serves this under a path of its own, all is found all the same."""
    assert not re.search(r'(?:src|href)="/', (await client.get(path)).text)


async def test_unchanged_file_is_not_sent_again(client: httpx.AsyncClient) -> None:
    """A browser that has a file is told so, and asks each time, so that upgrades show at once."""
    first = await client.get("/static/page.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = await client.get("/static/page.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("part", ["lines=1-2", "bytes=99999999-", "bytes=0-9"])
async def test_files_come_whole(client: httpx.AsyncClient, part: str) -> None:
    """Who asks for a part gets all, and is told that there are no parts."""
    whole = await client.get("/static/page.js", headers={"Range": part})
    assert whole.status_code == 200
    assert whole.content == (STATIC / "page.js").read_bytes()
    assert whole.headers["Accept-Ranges"] == "none"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/index.html",  # a page has one address
        "/static/nothing.js",
        "/static/__init__.py",  # of the package that Swagger UI comes in
        "/static/%2e%2e/main.py",
        "/static/..%2f..%2fpyproject.toml",
        "/static/%00.js",
    ],
)
async def test_nothing_else(client: httpx.AsyncClient, path: str) -> None:
    """What is not a file of the pages is a 404 like any other."""
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/not-found"


async def test_only_to_be_read(client: httpx.AsyncClient) -> None:
    """Other methods are refused; HEAD is answered without the body."""
    assert (await client.post("/")).status_code == 405
    assert (await client.post("/static/page.js")).status_code == 405
    response = await client.head("/")
    assert (response.status_code, response.content) == (200, b"")


async def test_pages_are_no_routes_of_the_api(client: httpx.AsyncClient) -> None:
    """The description of the API leaves the pages out."""
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert not [path for path in paths if path in PAGES or path.startswith("/static")]
