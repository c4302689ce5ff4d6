"""The page at / in a real Chromium, with the shipped model behind it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FilePayload, Page, expect

from examples.strokes import CAT, DIGITS
from tests.e2e.browser import CHROMIUM, draw, draw_stroke, running_chromium, show
from tests.e2e.running import ROOT, Service, needs_shipped_model, running_service

pytestmark = [
    needs_shipped_model,
    pytest.mark.skipif(
        CHROMIUM is None, reason="needs Chromium on the PATH (Debian: apt install chromium)"
    ),
]
expect.set_options(timeout=60_000)  # on machines that are busy with other things
DESKTOP, PHONE = 1280, 360  # px
SEVEN, THREE, NO_DIGIT = (ROOT / "examples" / f"{name}.png" for name in ("7", "3", "not-a-digit"))
NOTES = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"seven")
KEY = "a-key-of-the-tests"
QUEUE_FULL = {"title": "Queue full", "detail": "Too many images are waiting."}
REPLAY = """() => new Promise((resolve) => {
  const rows = [];
  new MutationObserver(() => {
    rows.push(document.querySelector("#row").valueAsNumber);
    if (rows.at(-1) === 28) resolve(rows);
  }).observe(document.querySelector("#at-row"), { childList: true });
  document.querySelector("#replay").click();
})"""
PASTE_OR_DROP = """([target, kind, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([new Uint8Array(bytes)], "3.png", { type: "image/png" }));
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
    : new DragEvent("drop", { dataTransfer: transfer, bubbles: true });
  document.querySelector(target).dispatchEvent(event);
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests."""
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def page(service: Service, chromium: Browser) -> Iterator[Page]:
    """The page in a fresh window; at the end, nothing has failed in it or been kept from it."""
    context = chromium.new_context(reduced_motion="reduce")
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Policy" in said.text else None)
    yield show(page, service.url)
    context.close()
    assert wrong == []


def expect_answer(page: Page, headline: str, detail: str = "") -> None:
    """The page comes to say this."""
    expect(page.locator("#headline")).to_have_text(headline)
    expect(page.locator("#detail")).to_contain_text(detail)


def test_drawing(page: Page) -> None:
    """A 7 drawn with the mouse is read: the digit, ten probabilities, time and version."""
    draw(page, DIGITS[7])
    expect_answer(page, "This is a 7")
    expect(page.locator("#digit")).to_have_text("7")
    expect(page.locator("#bars li")).to_have_count(10)
    expect(page.locator("#bars li").nth(7)).to_have_class("most")
    expect(page.locator("#facts")).to_contain_text("Model version 1")
    assert page.locator("#seen").evaluate("image => image.naturalWidth") == 28


def test_answer_while_drawing(page: Page) -> None:
    """The answer is there before the pen is lifted."""
    draw_stroke(page, "50,4 50,35 50,65 50,97", lift=False)
    expect_answer(page, "This is a 1")


def test_keyboard(page: Page) -> None:
    """A 1 can be drawn with arrow keys and space, however long a key is held."""
    page.locator("#sheet").focus()
    for key, times in (("ArrowUp", 9), ("Space", 2), ("ArrowDown", 18), ("Space", 1)):
        for _ in range(times):
            page.keyboard.down(key)
        page.keyboard.up(key)
    expect_answer(page, "This is a 1")
    page.keyboard.press("Delete")
    expect_answer(page, "Nothing to read yet")


def test_upload(page: Page) -> None:
    """A chosen picture is read."""
    page.locator("#file").set_input_files(THREE)
    expect_answer(page, "This is a 3")


@pytest.mark.parametrize("kind", ["paste", "drop"])
def test_paste_and_drop(page: Page, kind: Literal["paste", "drop"]) -> None:
    """So is one that is pasted, or dropped anywhere on the page."""
    page.evaluate(PASTE_OR_DROP, ["footer", kind, list(THREE.read_bytes())])
    expect_answer(page, "This is a 3")


def test_paste_by_keys(page: Page) -> None:
    """A picture in the clipboard of the system comes by the usual keys."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (bytes) => {
          const blob = new Blob([new Uint8Array(bytes)], { type: "image/png" });
          await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
        }""",
        list(THREE.read_bytes()),
    )
    page.keyboard.press("Control+V")
    expect_answer(page, "This is a 3")


def test_refusal(page: Page) -> None:
    """A text file is refused in the service's own words, and the page goes on."""
    page.locator("#file").set_input_files(NOTES)
    expect_answer(page, "Unsupported image type", "This is not a PNG, JPEG, GIF, BMP or WebP image")
    expect(page.get_by_role("status")).to_contain_text("This is not a PNG")
    draw(page, DIGITS[7])
    expect_answer(page, "This is a 7")


def test_not_a_digit(page: Page) -> None:
    """A cat is no digit, and is called none."""
    draw(page, CAT)
    expect_answer(page, "Not a digit")
    expect(page.locator("#digit")).to_have_text("?")


def test_undo_and_clear(page: Page) -> None:
    """Undo takes back a clearing as well as a picture."""
    draw(page, DIGITS[7])
    page.get_by_role("button", name="Clear").click()
    expect_answer(page, "Nothing to read yet")
    page.get_by_role("button", name="Undo").click()
    expect_answer(page, "This is a 7")
    page.locator("#file").set_input_files(THREE)
    expect_answer(page, "This is a 3")
    page.keyboard.press("Control+z")
    expect_answer(page, "This is a 7")


def test_scrubbing(page: Page) -> None:
    """The rows are scrubbed through with arrow keys, from the last one back."""
    draw(page, DIGITS[7])
    expect(page.locator("#at-row")).to_contain_text("All 28 rows read.")
    page.get_by_label("Rows read").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#at-row")).to_contain_text("If the picture ended at row 26")
    expect(page.locator("#unread")).to_be_visible()
    expect(page.locator("#headline")).to_have_text("In the end a 7")
    page.keyboard.press("End")
    expect(page.locator("#headline")).to_have_text("This is a 7")


def test_replay(page: Page) -> None:
    """The replay runs through the rows to the last; where no motion is wanted, in four stills."""
    draw(page, DIGITS[7])
    assert page.evaluate(REPLAY) == [7, 14, 21, 28]


def test_busy(page: Page) -> None:
    """A service that is busy is asked again after its Retry-After."""
    body, headers = json.dumps(QUEUE_FULL), {"Retry-After": "1"}
    page.route("**/predict*", lambda route: route.fulfill(status=429, headers=headers, body=body))
    page.locator("#file").set_input_files(SEVEN)
    expect_answer(page, "One moment", QUEUE_FULL["detail"])
    page.unroute("**/predict*")
    expect_answer(page, "This is a 7")


def test_down(page: Page) -> None:
    """A service that is gone is said to be, and the picture is read once it is back."""
    page.route("**/*", lambda route: route.abort())
    page.locator("#file").set_input_files(SEVEN)
    expect_answer(page, "No answer", "The service cannot be reached.")
    expect(page.locator("#service")).to_have_text("The service does not answer")
    page.unroute("**/*")
    expect_answer(page, "This is a 7")
    expect(page.locator("#service")).to_have_text("Ready, model version 1")


def test_what_did_not_arrive_can_be_sent_again(page: Page) -> None:
    """The connection broke, and the service is there: the page says so, with a button."""
    page.route("**/predict*", lambda route: route.abort(), times=1)
    page.locator("#file").set_input_files(SEVEN)
    expect_answer(page, "This did not arrive", "or the connection broke")
    page.get_by_role("button", name="Try again").click()
    expect_answer(page, "This is a 7")
    expect(page.locator("#again")).to_be_hidden()


def test_drawing_over_a_picture(page: Page) -> None:
    """The picture is asked about no longer, though its answer has not come."""
    page.route("**/predict*", lambda _: None, times=1)  # which is never answered
    page.locator("#file").set_input_files(THREE)
    expect_answer(page, "Reading")
    draw(page, DIGITS[7])
    expect_answer(page, "This is a 7")


def test_where_a_page_may_keep_nothing(page: Page) -> None:
    """As browsers can be set to: it reads all the same."""
    page.add_init_script(
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked'); } })"
    )
    show(page, page.url)
    draw(page, DIGITS[7])
    expect_answer(page, "This is a 7")


def test_gone_while_nobody_draws(page: Page) -> None:
    """That the service has gone is seen without asking it about a picture, and that it is back."""
    page.clock.install()
    show(page, page.url)
    page.route("**/health", lambda route: route.abort())
    page.clock.fast_forward("00:15")
    expect(page.locator("#service")).to_have_text("The service does not answer")
    page.unroute("**/health")
    page.clock.fast_forward("00:02")
    expect(page.locator("#service")).to_have_text("Ready, model version 1")


@pytest.mark.parametrize("way", ["drawn", "chosen"])
def test_curl(page: Page, way: str) -> None:
    """The command that is shown asks about the same picture."""
    if way == "drawn":
        draw(page, DIGITS[7])
    else:
        page.locator("#file").set_input_files(SEVEN)
        expect_answer(page, "This is a 7")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command == page.locator("#curl").input_value()
    answer = subprocess.run(
        ["bash", "-c", command], cwd=SEVEN.parent, capture_output=True, check=True
    )
    assert json.loads(answer.stdout)["digit"] == 7


def test_key(chromium: Browser) -> None:
    """A service with a key is asked with it; the page keeps it for the tab and shows it nowhere."""
    context = chromium.new_context(reduced_motion="reduce")
    with running_service(ROWSCAN_API_KEY=KEY) as locked:
        page = show(context.new_page(), locked.url)
        page.locator("#file").set_input_files(SEVEN)
        for key, said in (("wrong", "That was not its key."), (KEY, "")):
            expect_answer(page, "This service wants a key")
            assert not Axe().run(page).response["violations"]
            page.get_by_label("Key").fill(key)
            page.get_by_role("button", name="Use it").click()
            if said:
                expect_answer(page, "This service wants a key", said)
        expect_answer(page, "This is a 7")
        expect(page.locator("#unlock")).to_be_hidden()
        expect(page.locator("#curl")).to_have_value(re.compile("X-API-Key: \\$ROWSCAN_API_KEY"))
        assert KEY not in page.content()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    context.close()


def test_finger(service: Service, chromium: Browser) -> None:
    """A finger draws, and the page does not scroll away under it."""
    context = chromium.new_context(
        viewport={"width": PHONE, "height": 740}, has_touch=True, is_mobile=True
    )
    page = show(context.new_page(), service.url)
    finger = context.new_cdp_session(page)
    for y in range(200, 400, 20):
        kind = "touchStart" if y == 200 else "touchMove"
        points = [{"x": PHONE / 2, "y": y}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect_answer(page, "This is a 1")
    assert page.evaluate("scrollY") == 0
    context.close()


def test_text_in_the_clipboard(page: Page) -> None:
    """What is pasted and is no picture is said to be none."""
    page.evaluate(
        "document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer() }))"
    )
    expect(page.locator("#note")).to_contain_text("There is no picture in that.")
    draw(page, DIGITS[7])
    expect(page.locator("#note")).to_be_empty()


def test_too_large(page: Page) -> None:
    """A file above the limit is refused, however the connection ends."""
    large = FilePayload(name="large.png", mimeType="image/png", buffer=bytes(12_000_000))
    page.locator("#file").set_input_files(large)
    page.wait_for_selector("[data-state=refused]")
    expect(page.locator("#detail")).to_contain_text("large")


def test_phone(page: Page) -> None:
    """On a narrow screen nothing is cut off, and drawing works."""
    page.set_viewport_size({"width": PHONE, "height": 740})
    draw(page, DIGITS[7])
    expect_answer(page, "This is a 7")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


@pytest.mark.parametrize("state", ["idle", "answered", "abstained", "refused"])
def test_no_barriers(page: Page, state: str) -> None:
    """axe-core finds no violation, in whatever state, light and dark, wide and narrow."""
    pictures: dict[str, Path | FilePayload] = {
        "answered": THREE,
        "abstained": NO_DIGIT,
        "refused": NOTES,
    }
    if state in pictures:
        page.locator("#file").set_input_files(pictures[state])
    page.wait_for_selector(f"[data-state={state}]")
    for width in (DESKTOP, PHONE):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{width} px, {scheme}: {found.generate_report()}"


def test_documentation(page: Page, service: Service) -> None:
    """/docs shows every route and asks no other host, and its policy stops nothing of it."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{service.url}/docs")
    for path in ("/predict", "/predict/batch", "/health"):
        expect(page.locator(f"[data-path='{path}']")).to_be_visible()
    assert asked
    assert [url for url in asked if not url.startswith((service.url, "data:"))] == []
