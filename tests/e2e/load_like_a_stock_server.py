"""Loads a version as TensorFlow Serving does, warms it up, runs its signatures, prints the answers.

    python -I load_like_a_stock_server.py VERSION_DIR SIGNATURE... < images.json > found.json

By tag, in a session, from the tensors that the signature names: nothing of this project, and no
Keras, takes part.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TENSOR = ".tensorflow.TensorProto"
# The part of tensorflow_serving/apis/*.proto that a warm-up uses: message, field, number, type.
SCHEMA = {
    "ModelSpec": [("name", 1, ""), ("signature_name", 3, "")],
    "Input": [("key", 1, ""), ("value", 2, TENSOR)],  # a map is a list of these
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "Input")],
    "PredictLog": [("request", 1, "PredictRequest")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}


@cache
def prediction_log_class() -> Any:  # noqa: ANN401 - a class that protobuf makes
    """The message class `PredictionLog`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="stock_warmup.proto",
        package="stock_warmup",
        syntax="proto3",
        dependency=["tensorflow/core/framework/tensor.proto"],
    )
    for name, fields in SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, type_name in fields:
            made = message.field.add(name=field, number=number)
            made.label = made.LABEL_REPEATED if field == "inputs" else made.LABEL_OPTIONAL
            made.type = made.TYPE_MESSAGE if type_name else made.TYPE_STRING
            if type_name:
                own = type_name if type_name == TENSOR else f".stock_warmup.{type_name}"
                made.type_name = own
    pool = descriptor_pool.Default()
    pool.Add(file)
    found = pool.FindMessageTypeByName("stock_warmup.PredictionLog")
    return message_factory.GetMessageClass(found)


def warm_up(session: Any, graph: Any, version_dir: str) -> list[dict[str, Any]]:  # noqa: ANN401 - untyped
    """What comes of each request that the version asks to be warmed up with."""
    path = Path(version_dir, "assets.extra", "tf_serving_warmup_requests")
    records = tf.compat.v1.io.tf_record_iterator(str(path)) if path.exists() else ()
    replayed = []
    for record in records:
        request = prediction_log_class().FromString(record).predict_log.request
        signature = graph.signature_def[request.model_spec.signature_name]
        fed = {
            signature.inputs[each.key].name: tf.make_ndarray(each.value) for each in request.inputs
        }
        outputs = session.run({name: info.name for name, info in signature.outputs.items()}, fed)
        replayed.append(
            {
                "model": request.model_spec.name,
                "signature": request.model_spec.signature_name,
                "shapes": {name: list(values.shape) for name, values in outputs.items()},
                "finite": all(bool(np.isfinite(values).all()) for values in outputs.values()),
            }
        )
    return replayed


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
        warmed = warm_up(session, graph, version_dir)
        found = {name: run(session, graph.signature_def[name], images) for name in names}
    ours = sorted({name.partition(".")[0] for name in sys.modules} & {"app", "training"})
    json.dump({"warmup": warmed, "signatures": found, "ours": ours}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
