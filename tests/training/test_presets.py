"""Presets: every field acts, or the preset is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tiny import TINY
from training.presets import PEOPLE, Preset


def test_presets_give_their_length_once() -> None:
    """Epochs or steps, not both."""
    with pytest.raises(ValueError, match="one of the two"):
        replace(TINY, steps=5)


@pytest.mark.parametrize("preset", [TINY, replace(PEOPLE, distortion=None)])
def test_a_shuffle_buffer_goes_with_the_images_as_they_are(preset: Preset) -> None:
    """Neither distortion nor drawn pictures would reach the batches; without them it is fine."""
    with pytest.raises(ValueError, match="set shuffle_buffer to None"):
        replace(preset, shuffle_buffer=100)
    assert replace(preset, shuffle_buffer=100, distortion=None, drawn=None).shuffle_buffer == 100
