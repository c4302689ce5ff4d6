"""The versions of the steadiness benchmark, good ones and bad ones, made from a published one."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from app.inference.manifest import GoldenSample
from app.inference.saved_model import GRAPH
from app.inference.version_files import MANIFEST_PATH, digest_file, list_files

WEIGHTS = "variables/variables.data-00000-of-00001"
CHECKPOINT = "variables/variables"
READ = "serving_novelty"


def edit_manifest(version_dir: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change what the manifest says; a hard link to it elsewhere keeps what it said."""
    path = version_dir / MANIFEST_PATH
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.unlink()
    path.write_text(json.dumps(content), encoding="utf-8")


def digest_again(version_dir: Path) -> None:
    """Make the manifest list the files as they are now."""
    files = {name: digest_file(version_dir / name).model_dump() for name in list_files(version_dir)}
    edit_manifest(version_dir, lambda manifest: manifest.update(files=files))


def make_variant(source: Path, target: Path, factor: float) -> None:
    """Copy a version with all weights times `factor`; its manifest says what it answers then."""
    shutil.copytree(source, target)
    model = tf.saved_model.load(str(target))
    read = model.signatures[READ]
    for variable in read.variables:
        variable.assign(factor * variable)
    tf.train.Checkpoint(root=model).write(str(target / CHECKPOINT))

    def answer_anew(manifest: dict[str, Any]) -> None:
        for sample in manifest["golden"]["samples"]:
            image = GoldenSample.model_validate(sample).image()
            scores = {name: each.numpy()[0] for name, each in read(image=image[None]).items()}
            sample["probabilities"] = scores["probabilities"].tolist()
            sample["novelty"] = float(scores["novelty"])

    if factor == factor:  # the answers of NaN are none that a manifest can hold
        edit_manifest(target, answer_anew)
    digest_again(target)


def make_wrong_signature(source: Path, target: Path) -> None:
    """Copy a version with a graph that takes another input, digests and all."""
    shutil.copytree(source, target)
    (target / GRAPH).unlink()
    shutil.rmtree(target / "variables")
    kept = target.with_name("kept")
    (target / "assets.extra").rename(kept)
    spec = tf.TensorSpec((None, 784), tf.float32, "image")
    answer = tf.function(lambda image: {"probabilities": image[:, :10]}, input_signature=[spec])
    tf.saved_model.save(tf.Module(), str(target), signatures=answer)
    shutil.rmtree(target / "assets.extra", ignore_errors=True)
    kept.rename(target / "assets.extra")
    digest_again(target)


def publish(
    source: Path, models_dir: Path, version: int, spoil: Callable[[Path], object] = bool
) -> Path:
    """Publish a copy under this number, spoilt or not: written beside, then renamed."""
    staging = models_dir / ".staging"
    shutil.copytree(source, staging, copy_function=os.link)
    edit_manifest(staging, lambda manifest: manifest.update(version=version))
    spoil(staging)
    return staging.rename(models_dir / str(version))


def rewrite(path: Path, content: bytes) -> None:
    """Give a file of a version other content; hard links to it keep theirs."""
    path.unlink()
    path.write_bytes(content)


def truncate(version_dir: Path, name: str) -> None:
    """Cut a file off anywhere."""
    content = (version_dir / name).read_bytes()
    rewrite(version_dir / name, content[: random.randrange(len(content))])  # noqa: S311


def flip_a_bit(version_dir: Path, name: str) -> None:
    """Turn one bit of a file over."""
    content = bytearray((version_dir / name).read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)  # noqa: S311
    rewrite(version_dir / name, bytes(content))


def link_out(version_dir: Path) -> None:
    """Let a file lie elsewhere."""
    elsewhere = version_dir.with_name(".elsewhere")
    elsewhere.unlink(missing_ok=True)  # renaming onto another link to the same file does nothing
    (version_dir / WEIGHTS).rename(elsewhere)
    (version_dir / WEIGHTS).symlink_to(elsewhere)


def link_folder(version_dir: Path) -> None:
    """Let the folder itself lie elsewhere."""
    elsewhere = version_dir.with_name(".elsewhere-folder")
    shutil.rmtree(elsewhere, ignore_errors=True)
    version_dir.rename(elsewhere)
    version_dir.symlink_to(elsewhere)


def leave_half(version_dir: Path) -> None:
    """A copy that has come as far as the graph: the manifest and the weights are still missing."""
    shutil.rmtree(version_dir / "assets.extra")
    shutil.rmtree(version_dir / "variables")


def leave_nothing(version_dir: Path) -> None:
    """A folder, and that is all."""
    shutil.rmtree(version_dir)
    version_dir.mkdir()


def claim_other_answers(version_dir: Path) -> None:
    """A manifest whose golden answers are those of other weights."""
    edit_manifest(
        version_dir,
        lambda manifest: [
            sample.update(probabilities=sample["probabilities"][::-1])
            for sample in manifest["golden"]["samples"]
        ],
    )


SPOIL: dict[str, Callable[[Path], object]] = {
    "truncated weights": lambda version: truncate(version, WEIGHTS),
    "truncated graph": lambda version: truncate(version, GRAPH),
    "truncated manifest": lambda version: truncate(version, str(MANIFEST_PATH)),
    "flipped bit in the weights": lambda version: flip_a_bit(version, WEIGHTS),
    "flipped bit in the graph": lambda version: flip_a_bit(version, GRAPH),
    "missing weights": lambda version: (version / WEIGHTS).unlink(),
    "missing graph": lambda version: (version / GRAPH).unlink(),
    "half copied": leave_half,
    "empty": leave_nothing,
    "file that is a link": link_out,
    "folder that is a link": link_folder,
    "file that nobody published": lambda version: (version / "more.so").write_bytes(b""),
    "number of another": lambda v: edit_manifest(v, lambda manifest: manifest.update(version=1)),
    "other golden answers": claim_other_answers,
}
