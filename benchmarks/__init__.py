"""Benchmarks, and what they share. `python -m benchmarks` runs those that its `--help` names.

Each says what it measures and why, and returns figures; the last line on stdout is one JSON object.
What takes an hour, or breaks things, is run by itself: `benchmarks.soak`, `benchmarks.steadiness`.
"""
