"""Has KServe's client read images, in an environment of its own (see test_clients.py).

python kserve_client.py URL IMAGES.npy PROBABILITIES.npy
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np
from kserve import InferInput, InferRequest
from kserve.inference_client import InferenceRESTClient, RESTConfig


async def main(url: str, images_file: str, probabilities_file: str) -> None:
    """All images in one request as bytes, and the first ten again as JSON."""
    images = np.load(images_file)
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
    if not await client.is_server_ready(url) or not await client.is_model_ready(url, "digits"):
        sys.exit("not ready")
    answers = []
    for binary, part in ((True, images), (False, images[:10])):
        tensor = InferInput("image", list(part.shape), "FP32")
        tensor.set_data_from_numpy(part, binary_data=binary)
        answer = await client.infer(url, InferRequest("digits", [tensor]), model_name="digits")
        answers.append(answer.outputs[0].as_numpy())
    if not np.allclose(answers[0][:10], answers[1], atol=1e-6):
        sys.exit("JSON and bytes are answered differently")
    np.save(probabilities_file, answers[0])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
