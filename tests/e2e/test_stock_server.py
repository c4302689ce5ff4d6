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

pytestmark = needs_shipped_model


def golden() -> tuple[Any, list[dict[str, Any]]]:
    """The golden samples of the manifest, as plain JSON: images (n, 28, 28), and all of each."""
    manifest = json.loads((SHIPPED_MODEL / "assets.extra" / "manifest.json").read_text())
    samples = manifest["golden"]["samples"]
    pixels = b"".join(base64.b64decode(sample["pixels"]) for sample in samples)
    return np.frombuffer(pixels, np.uint8).reshape(-1, 28, 28) / 255, samples


def load(signature: str) -> dict[str, Any]:
    """What a process finds in which nothing of this project is imported."""
    images, _ = golden()
    done = subprocess.run(
        [sys.executable, "-I", str(LOADER), str(SHIPPED_MODEL), signature],
        input=json.dumps(images.tolist()),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("signature", "outputs"),
    [
        ("serving_default", {"probabilities": ["float32", [-1, 10]]}),
        (
            "serving_novelty",
            {"probabilities": ["float32", [-1, 10]], "novelty": ["float32", [-1]]},
        ),
    ],
)
def test_signature(signature: str, outputs: dict[str, Any]) -> None:
    """By its tag and signature alone it loads, on a processor, and reads the golden samples."""
    found = load(signature)
    assert found["ours"] == []
    assert found["inputs"] == {"image": ["float32", [-1, 28, 28]]}
    assert found["outputs"] == outputs
    assert found["method_name"] == "tensorflow/serving/predict"
    _, samples = golden()
    for name, answers in found["answers"].items():
        recorded = [sample[name] for sample in samples]
        np.testing.assert_allclose(answers, recorded, atol=1e-4)
