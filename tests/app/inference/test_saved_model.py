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
from app.inference.contract import join
from app.inference.manifest import FORMAT, GoldenSample
from app.inference.saved_model import SavedModelClassifier, Spares
from app.inference.sizes import MOST_IMAGES
from app.inference.version_files import MANIFEST_PATH, digest_file, list_files

IMAGES = np.random.default_rng(0).random((MOST_IMAGES, 28, 28), np.float32)
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


@pytest.mark.parametrize("count", [1, 2, 4, 5, 7, 15, 33, MOST_IMAGES])
def test_an_image_is_read_alike_in_any_batch(classifier: SavedModelClassifier, count: int) -> None:
    """Padding and batch size change no answer."""
    alone = join(classifier.classify(image[None]) for image in IMAGES[:count])
    together = classifier.classify(IMAGES[:count])
    assert together.probabilities.shape == (count, 10)
    assert together.novelty.shape == (count,)
    assert together.off_by(alone) < 1e-5
    np.testing.assert_allclose(together.probabilities.sum(axis=1), 1, atol=1e-5)


def test_what_lay_in_its_place_before_spoils_no_image(classifier: SavedModelClassifier) -> None:
    """The empty place of a padded call still holds an image of the call before."""
    classifier.classify(np.full((8, 28, 28), np.nan, np.float32))
    padded = classifier.classify(IMAGES[:7])
    assert padded.are_of(7)
    assert padded.off_by(join(classifier.classify(image[None]) for image in IMAGES[:7])) < 1e-5


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


def date_back(version: Path) -> None:
    """A manifest as it was before there was a novelty."""
    edit_manifest(version, lambda m: m.update(format=1, min_confidence=m.pop("max_novelty")))


def change_the_golden_novelty(version: Path) -> None:
    """As strange as can be, or not at all, whichever it was not."""
    edit_manifest(
        version,
        lambda m: [s.update(novelty=float(s["novelty"] < 0.5)) for s in m["golden"]["samples"]],
    )


def change_the_golden_answers(version: Path) -> None:
    """Other weights than those that were measured, as far as anyone can tell from outside."""
    answers = [0.91, *[0.01] * 9]
    edit_manifest(
        version, lambda m: [s.update(probabilities=answers) for s in m["golden"]["samples"]]
    )


Answer = Callable[[tf.Tensor], dict[str, tf.Tensor]]
IMAGE_SPEC = tf.TensorSpec((None, 28, 28), tf.float32, "image")


def ten(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Ten numbers an image."""
    return {"probabilities": image[:, 0, :10]}


def ten_and_one(image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Ten numbers an image, and one."""
    return ten(image) | {"novelty": image[:, 0, 10]}


def save_module(version: Path, spec: tf.TensorSpec = IMAGE_SPEC, **answers: Answer | None) -> None:
    """Replace the network by functions of the images, one a signature, digests and all.

    Signatures that are not named are as they should be; one that is None is left out.
    """
    kept = version.with_name("kept")
    shutil.copytree(version / "assets.extra", kept)
    shutil.rmtree(version)
    wanted = {"serving_default": ten, "serving_novelty": ten_and_one} | answers
    signatures = {
        name: tf.function(answer, input_signature=[spec])
        for name, answer in wanted.items()
        if answer
    }
    tf.saved_model.save(tf.Module(), str(version), signatures=signatures)
    shutil.copytree(kept, version / "assets.extra")
    digest_again(version)


def answer_nan(version: Path) -> None:
    """Weights that have become NaN."""
    save_module(
        version,
        serving_novelty=lambda image: ten_and_one(image * float("nan")),
    )


def answer_nan_novelty(version: Path) -> None:
    """Only those of the novelty have."""
    save_module(
        version,
        serving_novelty=lambda image: ten(image) | {"novelty": image[:, 0, 0] * float("nan")},
    )


def answer_too_many(version: Path) -> None:
    """Eleven classes."""
    save_module(version, serving_default=lambda image: {"probabilities": image[:, 0, :11]})


def answer_under_another_name(version: Path) -> None:
    """An output that the manifest does not know."""
    save_module(version, serving_default=lambda image: {"logits": image[:, 0, :10]})


def answer_without_novelty(version: Path) -> None:
    """The second signature gives no more than the first."""
    save_module(version, serving_novelty=ten)


def answer_novelty_in_a_column(version: Path) -> None:
    """A dimension too many."""
    save_module(version, serving_novelty=lambda image: ten(image) | {"novelty": image[:, 0, 10:11]})


def serve_under_another_name(version: Path) -> None:
    """No signature that other servers would call."""
    save_module(version, serving_default=None, other=ten)


def serve_without_novelty(version: Path) -> None:
    """A SavedModel as any other, without the signature that this service calls."""
    save_module(version, serving_novelty=None)


def take_any_rank(version: Path) -> None:
    """An input of which nothing is known but its type."""
    save_module(
        version,
        tf.TensorSpec(None, tf.float32, "image"),
        serving_default=lambda image: ten(tf.reshape(image, (-1, 28, 28))),
        serving_novelty=lambda image: ten_and_one(tf.reshape(image, (-1, 28, 28))),
    )


def take_under_another_name(version: Path) -> None:
    """An input that the service would not feed."""
    save_module(
        version,
        tf.TensorSpec((None, 28, 28), tf.float32, "pixels"),
        serving_default=lambda pixels: ten(pixels),
        serving_novelty=lambda pixels: ten_and_one(pixels),
    )


def agree_on_another_input(version: Path) -> None:
    """Whatever the graph may be, the manifest promises what the service does not feed."""
    edit_manifest(version, lambda m: m["input"].update(shape=[None, 784]))


def agree_on_other_outputs(version: Path) -> None:
    """Likewise for what the service would read."""
    edit_manifest(version, lambda m: m["outputs"]["serving_novelty"].pop())


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
        (garble_the_manifest, f"not a manifest of format {FORMAT}"),
        (date_back, f"not a manifest of format {FORMAT}: format: .* Publish the version again"),
        (bloat_the_manifest, "larger than"),
        (spoil_a_golden_image, "golden sample"),
        (renumber, "holds version 7"),
        (change_the_golden_answers, "does not reproduce its golden samples"),
        (change_the_golden_novelty, "does not reproduce its golden samples"),
        (answer_nan, "not finite"),
        (answer_nan_novelty, "not finite"),
        (answer_too_many, "the output of signature serving_default"),
        (answer_under_another_name, "the output of signature serving_default"),
        (answer_without_novelty, "the output of signature serving_novelty"),
        (answer_novelty_in_a_column, "the output of signature serving_novelty"),
        (serve_under_another_name, "no signature serving_default"),
        (serve_without_novelty, "no signature serving_novelty"),
        (take_any_rank, "the input of signature"),
        (take_under_another_name, "the input of signature"),
        (agree_on_another_input, "its input must be"),
        (agree_on_other_outputs, "the outputs of serving_novelty must be"),
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


def change_the_weights(version: Path) -> None:
    """Other weights for the same graph, published as they should be."""
    model = tf.saved_model.load(str(version))
    for variable in model.signatures["serving_novelty"].variables:
        variable.assign(1.5 * variable)
    tf.train.Checkpoint(root=model).write(str(version / "variables" / "variables"))
    read = model.signatures["serving_novelty"]

    def answer_anew(manifest: dict[str, Any]) -> None:
        for sample in manifest["golden"]["samples"]:
            scores = read(image=tf.constant(GoldenSample.model_validate(sample).image()[None]))
            sample["probabilities"] = scores["probabilities"].numpy()[0].tolist()
            sample["novelty"] = float(scores["novelty"].numpy()[0])

    edit_manifest(version, answer_anew)
    digest_again(version)


def forget_a_weight(version: Path) -> None:
    """A checkpoint of nothing."""
    tf.train.Checkpoint().write(str(version / "variables" / "variables"))
    digest_again(version)


def test_another_version_of_the_graph_is_not_compiled_again(copy: Path) -> None:
    """It takes over the programs of one that nobody holds, with all of its own weights."""
    spares = Spares()
    first = SavedModelClassifier.load(copy, spares)
    programs, before = first.programs, first.classify(IMAGES)
    del first
    change_the_weights(copy)
    second = SavedModelClassifier.load(copy, spares)
    assert second.programs is programs
    scores = second.classify(IMAGES)
    assert scores.off_by(SavedModelClassifier.load(copy).classify(IMAGES)) < 1e-6
    assert scores.off_by(before) > 1e-3


def test_weights_in_use_are_left_alone(copy: Path) -> None:
    """A version that is still held answers as ever while another one is loaded."""
    spares = Spares()
    held = SavedModelClassifier.load(copy, spares)
    before = held.classify(IMAGES)
    change_the_weights(copy)
    other = SavedModelClassifier.load(copy, spares)
    assert held.classify(IMAGES).off_by(before) == 0
    assert other.classify(IMAGES).off_by(before) > 1e-3


def test_weights_that_do_not_fit_a_spare(copy: Path) -> None:
    """A version without all its weights is refused, and the next good one still finds the spare."""
    spares, good = Spares(), Path(shutil.copytree(copy, copy.with_name("good") / "1"))
    SavedModelClassifier.load(good, spares)
    forget_a_weight(copy)
    with pytest.raises(ModelError, match="other weights than its graph takes"):
        SavedModelClassifier.load(copy, spares)
    SavedModelClassifier.load(good, spares)
