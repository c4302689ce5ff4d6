"""Warm-up: golden samples → the requests that stock TensorFlow Serving replays when it loads.

images ─ PredictRequest ─ PredictionLog ─▶ assets.extra/tf_serving_warmup_requests, a TFRecord file

The four messages that wrap a tensor are written here by hand: each field is a number and bytes. The
package that holds them, tensorflow-serving-api, asks for the large build of TensorFlow. The numbers
are those of its `prediction_log.proto`, `predict.proto` and `model.proto`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.inference.contract import DEFAULT_SIGNATURE, INPUT
from app.inference.manifest import MODEL_NAME

WARMUP_NAME = "assets.extra/tf_serving_warmup_requests"  # where TensorFlow Serving looks
BATCHES: Final = (1, 2, 4, 8, 16, 64)  # images of a request each; the first is slow at any size
LENGTH_DELIMITED = 2  # protobuf's wire type of strings and messages


def write_warmup(folder: Path, images: NDArray[np.float32]) -> None:
    """Write a request of each of BATCHES, made of images (n, 28, 28), 0..1.

    They are repeated where there are fewer than a request holds.
    """
    path = folder / WARMUP_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as records:
        for size in BATCHES:
            records.write(_prediction_log(np.resize(images, (size, *images.shape[1:]))))


def _prediction_log(images: NDArray[np.float32]) -> bytes:
    """Return a `PredictionLog` that asks the default signature for these images (n, 28, 28)."""
    tensor = tf.make_tensor_proto(images, tf.float32).SerializeToString()
    spec = _field(1, MODEL_NAME.encode()) + _field(3, DEFAULT_SIGNATURE.encode())  # ModelSpec
    named = _field(1, INPUT.name.encode()) + _field(2, tensor)  # an entry of the map `inputs`
    request = _field(1, spec) + _field(2, named)  # PredictRequest: model_spec, inputs
    predict_log = _field(1, request)  # PredictLog: request
    return _field(6, predict_log)  # PredictionLog: predict_log


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message: its number below 16, its length as varint, its bytes.

    A varint has seven bits a byte, the lowest first; the eighth says that more follow.
    """
    length, left = bytearray(), len(content)
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes([number << 3 | LENGTH_DELIMITED]) + bytes(length) + content
