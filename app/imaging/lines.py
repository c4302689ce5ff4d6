"""Ink → the same without printed lines: those of ruled and squared paper, and the borders of cells.

    ink (height, width) 0..1 ─ remove_lines ─▶ the same, 0 where only a line was

A line is thin and runs through the picture from side to side. Lines are sought in strips across it,
each short enough for a line that is not quite level. Where a stroke crosses one it is kept.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.imaging.parts import HALF_INK, label_parts

MIN_SIDE: Final = 24
"""In smaller pictures a line and a straight stroke look the same."""

MIN_REST: Final = 0.1
"""Of the picture's side: how large a digit must be left, or else the line is a one."""

FAINT_LINE: Final = 0.25
"""Printed lines are often paler than the pen."""

STRIPS: Final = 8
"""Along a line. One that leans by a degree moves by half a pixel in a strip of 32."""

COVERED: Final = 0.75
"""Of a strip's width, for a row of it to belong to a line."""

BORDER_ZONE: Final = 0.2
"""Of the picture, at each side: where a cell's borders lie."""

MAX_THICKNESS: Final = 1 / 11
"""Of the picture's side; what is thicker is a stroke or the table."""

MAX_BEND: Final = 1 / 200
"""Of the picture's side, and half a pixel: how far a line strays. A pen strays more."""

OVERHANG: Final = 0.03
"""Of its length by which a line stands out beyond the digit on either side. A seven's own bar that
goes from edge to edge of a tight crop does not."""

LEAN_ROWS: Final = 100
"""One row of slack in finding a line for as many rows of the picture."""


class _Line(NamedTuple):
    """The rows that one line takes in each strip."""

    top: NDArray[np.intp]  # (STRIPS,)
    bottom: NDArray[np.intp]  # (STRIPS,), the first beyond

    @property
    def thickness(self) -> float:
        """Rows, in most strips; where a stroke crosses it is more."""
        return float(np.median(self.bottom - self.top))

    @property
    def plain(self) -> NDArray[np.bool_]:
        """In which strips no stroke makes it thicker: (STRIPS,)."""
        is_plain: NDArray[np.bool_] = self.bottom - self.top <= 1.5 * self.thickness + 0.5
        return is_plain


def remove_lines(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take level and upright lines away: (height, width) 0..1 → the same shape; `ink` is kept.

    The very same array comes back when there is no line.
    """
    if min(ink.shape) < MIN_SIDE:
        return ink
    inked = ink >= FAINT_LINE
    level, upright = _find_lines(inked), _find_lines(inked.T)
    if not level and not upright:
        return ink
    rest = _erase(_erase(ink, level).T, upright).T
    if not _is_large(rest):
        return ink
    kept = _erase(ink, level) if _stand_out(rest) else ink
    return _erase(kept.T, upright).T if _stand_out(rest.T) else kept


def _is_large(ink: NDArray[np.float32]) -> bool:
    """Whether its strokes may be those of a digit."""
    strokes = ink >= HALF_INK
    sides = (np.flatnonzero(strokes.any(axis=axis)) for axis in (0, 1))
    longer = max(places[-1] - places[0] + 1 if places.size else 0 for places in sides)
    return bool(longer >= MIN_REST * min(ink.shape))


def _find_lines(inked: NDArray[np.bool_]) -> list[_Line]:
    """The level lines of a picture."""
    height, width = inked.shape
    narrowest = width // STRIPS
    if not (inked[:, :narrowest].any() and inked[:, -narrowest:].any()):
        return []
    slack = height // LEAN_ROWS
    edges = np.arange(STRIPS + 1) * width // STRIPS
    least = COVERED * (edges[1:] - edges[:-1])  # (STRIPS,)
    bars = _covered(_thickened(inked, slack), edges) >= least
    if not bars.any(axis=0).all():
        return []
    # Of the rows that together cover a strip, at least one has its share.
    own = bars & (_covered(inked, edges) >= least / (2 * slack + 1))
    labels = label_parts(bars)
    parts = [(labels == label) & own for label in np.unique(labels[bars])]
    lines = [_line(part) for part in parts if part.any(axis=0).all()]
    return [line for line in lines if _is_line(line, height)]


def _thickened(inked: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """So many rows more above and below all ink."""
    thick = inked.copy()
    for row in range(1, rows + 1):
        thick[row:] |= inked[:-row]
        thick[:-row] |= inked[row:]
    return thick


def _covered(inked: NDArray[np.bool_], edges: NDArray[np.intp]) -> NDArray[np.intp]:
    """How many pixels of each row are inked in each strip: (height, STRIPS)."""
    counts: NDArray[np.intp] = np.add.reduceat(inked, edges[:-1], axis=1, dtype=np.intp)
    return counts


def _line(part: NDArray[np.bool_]) -> _Line:
    """The rows of one part of the bars, (height, STRIPS), which runs through all strips."""
    return _Line(part.argmax(axis=0), part.shape[0] - part[::-1].argmax(axis=0))


def _is_line(line: _Line, height: int) -> bool:
    """Whether it is thin and straight."""
    plain = np.flatnonzero(line.plain)
    if line.thickness > max(2.0, MAX_THICKNESS * height) or plain.size < STRIPS / 2:
        return False
    middles = (line.top + line.bottom)[plain] / 2
    straight = np.polyval(np.polyfit(plain, middles, 1), plain)
    return bool(np.abs(middles - straight).max() <= 0.5 + MAX_BEND * height)


def _stand_out(rest: NDArray[np.float32]) -> bool:
    """Whether level lines are longer, to either side, than the ink beside them is wide."""
    columns = np.flatnonzero((rest >= HALF_INK).any(axis=0))
    room = OVERHANG * rest.shape[1]
    return bool(columns[0] >= room and columns[-1] < rest.shape[1] - room)


def _erase(ink: NDArray[np.float32], lines: list[_Line]) -> NDArray[np.float32]:
    """Bridge level lines by what lies above and below; what lies beyond a border goes too."""
    cleared = ink.copy()
    edges = np.arange(STRIPS + 1) * ink.shape[1] // STRIPS
    for line in lines:
        usual = int(np.median(line.top[line.plain])), int(np.median(line.bottom[line.plain]))
        for strip, (left, right) in enumerate(pairwise(edges)):
            rows = int(line.top[strip]), int(line.bottom[strip])
            _bridge(cleared[:, left:right], *(rows if line.plain[strip] else usual))
    return cleared


def _bridge(strip: NDArray[np.float32], top: int, bottom: int) -> None:
    """Replace rows of a strip, in place, by the fainter of the rows above and below them."""
    height = strip.shape[0]
    if bottom < BORDER_ZONE * height:
        strip[:bottom] = 0
    elif top > (1 - BORDER_ZONE) * height:
        strip[top:] = 0
    else:
        strip[top:bottom] = np.minimum(strip[top - 1], strip[bottom])
