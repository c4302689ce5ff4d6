"""rowscan: a service that reads handwritten digits, one row of pixels at a time.

bytes ─ imaging.decode ─▶ ink ─ imaging.normalise ─▶ digit ─ inference.batcher ─▶ probabilities
─ api ─▶ JSON
"""

__version__ = "0.1.0"
