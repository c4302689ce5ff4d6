"""What a request may hold, told before anything is made of it."""

from __future__ import annotations

from app.errors import InvalidInputError, PayloadTooLargeError
from app.imaging import IMAGE_SIDE

# In JSON an image of 28 × 28 numbers has 784 commas and 29 brackets; in base64 it has one comma.
VALUES_PER_IMAGE = IMAGE_SIDE * IMAGE_SIDE + IMAGE_SIDE + 1
# So that a grid of the wrong size is told what is wrong with it; parsed in some 15 ms.
MAX_OTHER_VALUES = 65_536
# Good bodies have one or two, and a colon in each data URL. Each that is not known is an error of
# its own, which takes as long as a hundred values.
MAX_OTHER_KEYS = 64


def check_images(images: int, max_images: int) -> None:
    """Refuse more images than may wait for the network: no later moment could take them."""
    if images > max_images:
        raise PayloadTooLargeError(f"Too many images. Send at most {max_images} at once.")


def check_values(data: bytes, max_images: int) -> None:
    """Refuse JSON of more values or keys than so many images have, before it is parsed.

    Parsing holds up every other thread: 3 million empty lists in 10 MB do so for almost a second.
    """
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > max_images * VALUES_PER_IMAGE + MAX_OTHER_VALUES:
        raise PayloadTooLargeError(
            f"The JSON has more values than {max_images} × 28 × 28 pixels. Send less at once."
        )
    if data.count(b":") > max_images + MAX_OTHER_KEYS:
        raise InvalidInputError(
            f"The JSON has more keys than {max_images} images have. Send images alone."
        )
