"""ONNX Runtime's fused LSTM over the weights of a version: `WEIGHTS` (.npz) → times, when asked.

Reads lines `BATCH CALLS` on stdin and answers each with the seconds of so many calls. The first
line that it writes are the logits of one fixed image, for whoever wants to know that it is the same
network.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 28
Array = NDArray[np.float32]


def gates_last_to_first(kernel: Array) -> Array:
    """Keras's gates i, f, c, o in the last axis → ONNX's i, o, f, c in the first."""
    i, f, c, o = np.split(kernel, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([i, o, f, c], axis=-1).T)


def build(weights: list[Array]) -> bytes:
    """Return the model: a bidirectional LSTM a reading, its maximum and mean, a product."""
    *lstms, kernel, bias = weights
    tensors = {"time": np.array([0]), "flat": np.array([-1, 2 * lstms[1].shape[0]])}
    nodes, features = [], []
    for reading, order in enumerate(((1, 0, 2), (2, 0, 1))[: len(lstms) // 6]):
        ways = [lstms[6 * reading : 6 * reading + 3], lstms[6 * reading + 3 : 6 * reading + 6]]
        names = [f"{name}{reading}" for name in ("sequence", "w", "r", "b")]
        tensors[names[1]] = np.stack([gates_last_to_first(way[0]) for way in ways])
        tensors[names[2]] = np.stack([gates_last_to_first(way[1]) for way in ways])
        biases = [gates_last_to_first(way[2]) for way in ways]
        tensors[names[3]] = np.stack([np.concatenate([each, 0 * each]) for each in biases])
        nodes += [
            helper.make_node("Transpose", ["image"], [names[0]], perm=order),
            helper.make_node(
                "LSTM", names, [f"y{reading}"], hidden_size=ways[0][1].shape[0],
                direction="bidirectional",
            ),
        ]  # fmt: skip
        for pool in ("ReduceMax", "ReduceMean"):
            name = f"{pool}{reading}"
            nodes += [
                helper.make_node(pool, [f"y{reading}", "time"], [f"{name}p"], keepdims=0),
                helper.make_node("Transpose", [f"{name}p"], [f"{name}t"], perm=(1, 0, 2)),
                helper.make_node("Reshape", [f"{name}t", "flat"], [name]),
            ]
            features.append(name)
    tensors |= {"kernel": kernel, "bias": bias}
    nodes += [
        helper.make_node("Concat", features, ["features"], axis=1),
        helper.make_node("Gemm", ["features", "kernel", "bias"], ["logits"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", SIDE, SIDE])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(bias)])
    constants = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "digits", [image], [logits], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised


def main() -> None:
    """Answer until stdin ends."""
    weights = np.load(sys.argv[1])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        build([weights[name] for name in weights.files]), options, ["CPUExecutionProvider"]
    )
    image = np.random.default_rng(0).random((1, SIDE, SIDE), np.float32)
    print(json.dumps(session.run(None, {"image": image})[0][0].tolist()), flush=True)
    for line in sys.stdin:
        batch, calls = map(int, line.split())
        images = np.random.default_rng(0).random((batch, SIDE, SIDE), np.float32)
        started = time.perf_counter()
        for _ in range(calls):
            session.run(None, {"image": images})
        print(time.perf_counter() - started, flush=True)


if __name__ == "__main__":
    main()
