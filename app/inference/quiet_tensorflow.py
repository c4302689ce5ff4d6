"""TensorFlow, imported without its greetings. The only module of the app that imports it.

Which takes seconds: apart from what needs it stands all that must be importable in an instant.
"""

from __future__ import annotations

import os

# Read once, at the import that follows. With oneDNN on, TensorFlow prints a greeting on stderr that
# no log level silences; what XLA compiles does not use it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import tensorflow as tf

__all__ = ["tf"]
