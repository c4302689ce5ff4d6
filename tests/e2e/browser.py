"""A real Chromium, the system's own, with the page in it: for its tests and for its picture."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from examples.strokes import Stroke

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MARGIN = 0.1  # of the sheet's side, around what is drawn
ANY_ANSWER = "[data-state=answered], [data-state=abstained]"


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """The browser, closed at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


def show(page: Page, url: str) -> Page:
    """Open the page and wait until it has found the service ready."""
    page.goto(url)
    page.wait_for_selector("[data-health=ready]")
    return page


def draw(page: Page, strokes: list[Stroke]) -> None:
    """Draw with the mouse, and wait for the answer about the whole."""
    for stroke in strokes:
        draw_stroke(page, stroke)
    wait_for_answer(page)


def wait_for_answer(page: Page) -> None:
    """Return when the page has nothing more to ask."""
    page.wait_for_selector("#answer[aria-busy=false]")
    page.wait_for_selector(ANY_ANSWER)


def draw_stroke(page: Page, stroke: Stroke, lift: bool = True) -> None:
    """Move the mouse, pressed, through the points of a stroke."""
    sheet = page.locator("#sheet").bounding_box()
    assert sheet is not None
    scale = sheet["width"] * (1 - 2 * MARGIN) / 100
    left, top = (sheet[edge] + sheet["width"] * MARGIN for edge in ("x", "y"))
    for i, point in enumerate(stroke.split()):
        x, y = (float(number) for number in point.split(","))
        page.mouse.move(left + x * scale, top + y * scale)
        if i == 0:
            page.mouse.down()
    if lift:
        page.mouse.up()
