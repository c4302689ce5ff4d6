"""Loads a version as TensorFlow Serving does, runs its signatures, and prints what it found.

    python -I load_like_a_stock_server.py VERSION_DIR SIGNATURE... < images.json > found.json

By tag, in a session, from the tensors that the signature names: nothing of this project, and no
Keras, takes part.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import tensorflow as tf


def describe(tensors: Any) -> dict[str, Any]:  # noqa: ANN401 - a map of protocol buffers
    """Each tensor's type and sizes."""
    return {
        name: [tf.as_dtype(info.dtype).name, [each.size for each in info.tensor_shape.dim]]
        for name, info in tensors.items()
    }


def run(session: Any, signature: Any, images: list[Any]) -> dict[str, Any]:  # noqa: ANN401 - untyped
    """What a signature takes, gives and answers."""
    (fed,) = signature.inputs.values()
    fetched = {name: info.name for name, info in signature.outputs.items()}
    outputs = session.run(fetched, {fed.name: images})
    return {
        "inputs": describe(signature.inputs),
        "outputs": describe(signature.outputs),
        "method_name": signature.method_name,
        "answers": {name: values.tolist() for name, values in outputs.items()},
    }


def main(version_dir: str, *names: str) -> None:
    """Feed the images on stdin to each signature."""
    images = json.load(sys.stdin)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], version_dir)
        found = {name: run(session, graph.signature_def[name], images) for name in names}
    ours = sorted({name.partition(".")[0] for name in sys.modules} & {"app", "training"})
    json.dump({"signatures": found, "ours": ours}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
