"""Benchmarks: each module is one, `python -m benchmarks` runs them all.

Every one explains what it measures and why, takes medians of paired runs, and returns figures; the
last line on stdout is one JSON object.
"""
