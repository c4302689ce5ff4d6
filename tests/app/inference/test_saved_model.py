"""A version is served only when it is, byte for byte and answer for answer, what was published."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from app.errors import ModelError
from app.inference.manifest import MANIFEST_PATH, digest_file, list_files
from app.inference.saved_model import BATCH_SIZES, SavedModelClassifier

IMAGES = np.random.default_rng(0).random((BATCH_SIZES[-1], 28, 28), np.float32)
WEIGHTS = "variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def classifier(version: Path) -> SavedModelClassifier:
    """The version, loaded once."""
    return SavedModelClassifier.load(version)


@pytest.fixture
def copy(version: Path, tmp_path: Path) -> Path:
    """A copy of the version that a test may spoil."""
    return Path(shutil.copytree(version, tmp_path / "1"))


def edit_manifest(version: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change what the manifest says."""
    path = version / MANIFEST_PATH
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def digest_again(version: Path) -> None:
    """Make the manifest list the files as they are now, as one who forges a version would."""
    files = {name: digest_file(version / name).model_dump() for name in list_files(version)}
    edit_manifest(version, lambda content: content.update(files=files))


@pytest.mark.parametrize("count", [1, 2, 4, 5, 16, 33, BATCH_SIZES[-1]])
def test_an_image_is_read_alike_in_any_batch(classifier: SavedModelClassifier, count: int) -> None:
    """Padding and batch size change no answer."""
    alone = np.concatenate([classifier.classify(image[None]) for image in IMAGES[:count]])
    together = classifier.classify(IMAGES[:count])
    assert together.shape == (count, 10)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)


def cut_a_byte(version: Path) -> None:
    """One byte of the weights is lost."""
    path = version / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(version: Path) -> None:
    """One bit of the graph is another."""
    content = bytearray((version / "saved_model.pb").read_bytes())
    content[1000] ^= 1
    (version / "saved_model.pb").write_bytes(content)


def lose_a_file(version: Path) -> None:
    """A copy that was interrupted."""
    (version / WEIGHTS).unlink()


def add_a_file(version: Path) -> None:
    """Something that nobody published."""
    (version / "extra.so").write_bytes(b"")


def link_out(version: Path) -> None:
    """A file that lies elsewhere."""
    elsewhere = version.parent / "elsewhere"
    (version / WEIGHTS).rename(elsewhere)
    (version / WEIGHTS).symlink_to(elsewhere)


def lose_the_manifest(version: Path) -> None:
    """A SavedModel that some other tool wrote."""
    (version / MANIFEST_PATH).unlink()


def garble_the_manifest(version: Path) -> None:
    """Half of the JSON."""
    path = version / MANIFEST_PATH
    path.write_text(path.read_text()[:500])


def bloat_the_manifest(version: Path) -> None:
    """A file that would fill the memory."""
    with (version / MANIFEST_PATH).open("a") as file:
        file.write(" " * 1_000_001)


def spoil_a_golden_image(version: Path) -> None:
    """A sample of the wrong size."""
    edit_manifest(version, lambda m: m["golden"]["samples"][0].update(pixels="AAAA"))


def renumber(version: Path) -> None:
    """The folder's name and the manifest disagree."""
    edit_manifest(version, lambda m: m.update(version=7))


def change_the_golden_answers(version: Path) -> None:
    """Other weights than those that were measured, as far as anyone can tell from outside."""
    answers = [0.91, *[0.01] * 9]
    edit_manifest(
        version, lambda m: [s.update(probabilities=answers) for s in m["golden"]["samples"]]
    )


IMAGE_SPEC = tf.TensorSpec((None, 28, 28), tf.float32, "image")


def save_module(
    version: Path,
    answer: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    name: str = "serving_default",
    spec: tf.TensorSpec = IMAGE_SPEC,
) -> None:
    """Replace the network by `answer` under the signature `name`, digests and all."""
    kept = version.with_name("kept")
    shutil.copytree(version / "assets.extra", kept)
    shutil.rmtree(version)
    function = tf.function(answer, input_signature=[spec])
    tf.saved_model.save(tf.Module(), str(version), signatures={name: function})
    shutil.copytree(kept, version / "assets.extra")
    digest_again(version)


def answer_nan(version: Path) -> None:
    """Weights that have become NaN."""
    save_module(
        version,
        lambda image: {"probabilities": image[:, 0, :10] * float("nan")},
    )


def answer_too_many(version: Path) -> None:
    """Eleven classes."""
    save_module(version, lambda image: {"probabilities": image[:, 0, :11]})


def answer_under_another_name(version: Path) -> None:
    """An output that the manifest does not know."""
    save_module(version, lambda image: {"logits": image[:, 0, :10]})


def serve_under_another_name(version: Path) -> None:
    """No serving signature."""
    save_module(version, lambda image: {"probabilities": image[:, 0, :10]}, "other")


def take_any_rank(version: Path) -> None:
    """An input of which nothing is known but its type."""
    spec = tf.TensorSpec(None, tf.float32, "image")
    save_module(version, lambda image: {"probabilities": tf.reshape(image, (-1, 10))}, spec=spec)


def take_under_another_name(version: Path) -> None:
    """An input that the service would not feed."""
    spec = tf.TensorSpec((None, 28, 28), tf.float32, "pixels")
    save_module(version, lambda pixels: {"probabilities": pixels[:, 0, :10]}, spec=spec)


def agree_on_another_shape(version: Path) -> None:
    """Graph and manifest agree with each other, but not with what the service feeds."""
    spec = tf.TensorSpec((None, 784), tf.float32, "image")
    save_module(version, lambda image: {"probabilities": image[:, :10]}, spec=spec)
    edit_manifest(version, lambda m: m["input"].update(shape=[None, 784]))


def forge_the_graph(version: Path) -> None:
    """Not a SavedModel at all, with digests that fit."""
    (version / "saved_model.pb").write_bytes(b"\xff" * 100)
    digest_again(version)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut_a_byte, f"{WEIGHTS} is not the published file"),
        (flip_a_bit, "saved_model.pb is not the published file"),
        (lose_a_file, f"{WEIGHTS} is missing"),
        (add_a_file, "extra.so is not in the manifest"),
        (link_out, f"{WEIGHTS} is a link"),
        (lose_the_manifest, "manifest.json cannot be read"),
        (garble_the_manifest, "not a manifest of format 1"),
        (bloat_the_manifest, "larger than"),
        (spoil_a_golden_image, "golden sample"),
        (renumber, "holds version 7"),
        (change_the_golden_answers, "does not reproduce its golden samples"),
        (answer_nan, "not finite"),
        (answer_too_many, "signature's output"),
        (answer_under_another_name, "signature's output"),
        (serve_under_another_name, "no signature serving_default"),
        (take_any_rank, "signature's input"),
        (take_under_another_name, "signature's input"),
        (agree_on_another_shape, "it must map"),
        (forge_the_graph, "not a SavedModel"),
    ],
)
def test_a_spoilt_version_is_refused(
    copy: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    """The error is one sentence or two, says what is wrong, and names the place."""
    spoil(copy)
    with pytest.raises(ModelError, match=reason) as caught:
        SavedModelClassifier.load(copy)
    assert "\n" not in str(caught.value)
    assert str(copy) in str(caught.value)
