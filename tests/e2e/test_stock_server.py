"""The published folder is one that stock TensorFlow Serving loads and answers from."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.running import SHIPPED_MODEL, needs_shipped_model

LOADER = Path(__file__).parent / "load_like_a_stock_server.py"
PROBABILITIES = {"probabilities": ["float32", [-1, 10]]}
WARMUP = SHIPPED_MODEL / "assets.extra" / "tf_serving_warmup_requests"
OUTPUTS = {
    "serving_default": PROBABILITIES,
    "serving_novelty": PROBABILITIES | {"novelty": ["float32", [-1]]},
}

pytestmark = needs_shipped_model


def golden() -> tuple[Any, list[dict[str, Any]]]:
    """The golden samples of the manifest, as plain JSON: images (n, 28, 28), and all of each."""
    manifest = json.loads((SHIPPED_MODEL / "assets.extra" / "manifest.json").read_text())
    samples = manifest["golden"]["samples"]
    pixels = b"".join(base64.b64decode(sample["pixels"]) for sample in samples)
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28) / 255, samples


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What a process finds, by signature, in which nothing of this project is imported."""
    images, _ = golden()
    done = subprocess.run(
        [sys.executable, "-I", str(LOADER), str(SHIPPED_MODEL), *OUTPUTS],
        input=json.dumps(images.tolist()),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", OUTPUTS)
def test_signature(found: dict[str, Any], name: str) -> None:
    """By its tag and signature alone it loads, on a processor, and reads the golden samples."""
    assert found["ours"] == []
    signature = found["signatures"][name]
    assert signature["inputs"] == {"image": ["float32", [-1, 28, 28]]}
    assert signature["outputs"] == OUTPUTS[name]
    assert signature["method_name"] == "tensorflow/serving/predict"
    _, samples = golden()
    for output, answers in signature["answers"].items():
        recorded = [sample[output] for sample in samples]
        np.testing.assert_allclose(answers, recorded, atol=1e-4)


def test_warm_up(found: dict[str, Any]) -> None:
    """What it is warmed up with is there, and it answers all of that."""
    assert WARMUP.is_file()
    assert found["warmup"]
    assert all(each["finite"] for each in found["warmup"])
