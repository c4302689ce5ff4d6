"""The fifteen kinds of damage, each on a hundred bars."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tiny import tiny_split
from training.corruptions import KINDS, corrupt

# A frame of black around, as MNIST has it.
IMAGES = np.pad(tiny_split(300, seed=3).images[:, 4:24, 4:24], ((0, 0), (4, 4), (4, 4)))

# Mean absolute difference of a pixel, 0..255: from hardly seen to half of the picture inverted.
LEAST, MOST = 2, 140


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_of_the_images_kind_and_sane(kind: str) -> None:
    """Same shape and dtype; every image is damaged, none beyond recognition of the whole."""
    damaged = corrupt(IMAGES, kind)
    assert damaged.shape == IMAGES.shape
    assert damaged.dtype == np.uint8
    difference = np.abs(damaged.astype(int) - IMAGES)
    assert difference.any(axis=(1, 2)).all()
    assert LEAST < difference.mean() < MOST


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_damage(kind: str) -> None:
    """To each image, whatever other images follow it."""
    np.testing.assert_array_equal(corrupt(IMAGES, kind)[:250], corrupt(IMAGES[:250], kind))


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"shot noise"}))
def test_neighbours_do_not_matter(kind: str) -> None:
    """Nothing of another image shows. Of shot noise, as much chance is drawn as there is ink."""
    others = IMAGES[:6].copy()
    others[[0, 1, 2, 4]] = 0
    found, beside = corrupt(IMAGES[:6], kind), corrupt(others, kind)
    np.testing.assert_array_equal(found[[3, 5]], beside[[3, 5]])


def test_another_seed_gives_other_damage() -> None:
    """Where chance has a part in it."""
    assert (corrupt(IMAGES, "shot noise", 0) != corrupt(IMAGES, "shot noise", 1)).any()


def test_the_input_stays_as_it_was() -> None:
    """No kind writes into the images that it is given."""
    before = IMAGES.copy()
    for kind in KINDS:
        corrupt(IMAGES[:3], kind)
    np.testing.assert_array_equal(IMAGES, before)


def test_shift_moves_by_three_pixels() -> None:
    """A dot comes back three rows and three columns away."""
    dot = np.zeros((1, 28, 28), np.uint8)
    dot[0, 14, 14] = 255
    _, row, column = np.argwhere(corrupt(dot, "translate"))[0]
    assert (abs(row - 14), abs(column - 14)) == (3, 3)


def test_scale_keeps_the_centre_and_shrinks() -> None:
    """A centred square of 20 pixels becomes one of 14."""
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 4:24, 4:24] = 255
    rows = np.flatnonzero(corrupt(square, "scale")[0].max(axis=1) > 127)
    assert (rows[0], rows[-1]) == (7, 20)


def test_rotation_turns_by_23_degrees() -> None:
    """The ends of a horizontal line through the middle come to lie at ±0.4 rad."""
    line = np.zeros((1, 28, 28), np.uint8)
    line[0, 13:15, 4:24] = 255
    y, x = np.nonzero(corrupt(line, "rotate")[0] > 127)
    slope = np.polyfit(x, y, 1)[0]
    assert abs(np.arctan(slope)) == pytest.approx(0.4, abs=0.04)


def test_edges_outline_a_square() -> None:
    """A filled square leaves a thin line along its border and nothing within."""
    square = np.zeros((1, 28, 28), np.uint8)
    square[0, 8:20, 8:20] = 255
    edges = corrupt(square, "canny edges")[0]
    assert not edges[11:17, 11:17].any()
    assert 40 <= np.count_nonzero(edges) <= 60
