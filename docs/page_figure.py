"""Draw `docs/page.png`: the page itself in Chromium, on a desk and on a phone, by day and by night.

`PYTHONPATH=. .venv/bin/python docs/page_figure.py`, in the environment of `make test`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page

from examples.strokes import CAT, DIGITS
from tests.e2e.browser import draw, running_chromium, show, wait_for_answer
from tests.e2e.running import running_service

ROOT = Path(__file__).resolve().parents[1]
DESK, PHONE = (1280, 870), (360, 1000)  # px
HEIGHT = 600  # px, of all of them in the picture
GAP = 20  # px
BACKDROP = "#8d939c"


def main() -> None:
    """Photograph the page in each window and lay the pictures side by side."""
    with running_service() as service, running_chromium() as chromium:
        day = window(chromium, service.url, DESK, "light")
        draw(day, DIGITS[3])
        day.get_by_label("Rows read").fill("15")
        night = window(chromium, service.url, DESK, "dark")
        night.locator("#file").set_input_files(ROOT / "examples/8.jpg")
        wait_for_answer(night)
        stranger = window(chromium, service.url, PHONE, "light")
        draw(stranger, CAT)
        refused = window(chromium, service.url, PHONE, "dark")
        refused.locator("#file").set_input_files(ROOT / "README.md")
        refused.wait_for_selector("[data-state=refused]")
        photographs = [photograph(page) for page in (day, night, stranger, refused)]
    side_by_side(photographs).save(ROOT / "docs/page.png", optimize=True)


def window(
    chromium: Browser, url: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> Page:
    """The page in a window of its own, where nothing moves."""
    width, height = size
    page = chromium.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    return show(page, url)


def photograph(page: Page) -> Image.Image:
    """What the window shows, HEIGHT high."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    width = round(picture.width * HEIGHT / picture.height)
    return picture.resize((width, HEIGHT), Image.Resampling.LANCZOS)


def side_by_side(pictures: list[Image.Image]) -> Image.Image:
    """All pictures in a row."""
    width = sum(picture.width + GAP for picture in pictures) - GAP
    sheet = Image.new("RGB", (width, HEIGHT), BACKDROP)
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + GAP
    return sheet


if __name__ == "__main__":
    main()
