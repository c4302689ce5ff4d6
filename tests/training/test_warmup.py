"""The warm-up of a published version is one that a stock server can replay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf

from app.errors import ModelError
from app.inference.manifest import check_files, read_manifest
from tests.e2e.load_like_a_stock_server import prediction_log_class, warm_up
from training.warmup import WARMUP_NAME


def test_a_stock_server_replays_it(version: Path) -> None:
    """Read with the public schema, each request names the signature, and is answered by it."""
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(version))
        replayed = warm_up(session, graph, str(version))
    assert [each["shapes"] for each in replayed] == [
        {"probabilities": [size, 10]} for size in (1, 2, 4, 8, 16, 64)
    ]
    assert {(each["model"], each["signature"], each["finite"]) for each in replayed} == {
        ("digits", "serving_default", True)
    }


def test_it_holds_golden_samples(version: Path) -> None:
    """One after the other, from the first again where a request holds more."""
    golden = read_manifest(version).golden.images()
    records = tf.data.TFRecordDataset(str(version / WARMUP_NAME)).as_numpy_iterator()
    for record in records:
        (sent,) = prediction_log_class().FromString(record).predict_log.request.inputs
        images = tf.make_ndarray(sent.value)
        assert sent.key == "image"
        assert all((image == golden[at % len(golden)]).all() for at, image in enumerate(images))


def test_the_manifest_binds_it(version: Path, tmp_path: Path) -> None:
    """A version whose warm-up was changed is refused like one with any other changed file."""
    copy = tmp_path / version.name
    shutil.copytree(version, copy)
    (copy / WARMUP_NAME).write_bytes(b"other")
    with pytest.raises(ModelError, match="tf_serving_warmup_requests is not the published file"):
        check_files(copy, read_manifest(copy))
