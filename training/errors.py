"""What can go wrong in training, in words for the person who started it.

TrainingError          anything below; the command line prints its message and exits with 1
├── UnknownPresetError there is no such preset; exits with 2
├── DataError          a data file is missing, truncated, or not the file it should be
└── CheckpointError    a run cannot be resumed from what its folder holds
"""

from __future__ import annotations


class TrainingError(Exception):
    """A training command cannot go on; the message says what was wrong and what to do."""


class UnknownPresetError(TrainingError):
    """There is no preset of that name."""


class DataError(TrainingError):
    """A data file is missing, truncated, or not the file it should be."""


class CheckpointError(TrainingError):
    """A run cannot be resumed from what its folder holds."""
