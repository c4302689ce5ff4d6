"""Clients that exist, as they are published, against the service as people start it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.errors import BadRequestError
from open_inference.openapi.types import InferenceRequest, RequestInput
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from app.imaging import DecodeLimits, read_digit
from tests.e2e.running import SEVEN, Service, needs_shipped_model
from tests.tiny import real_mnist_dir
from training.data import Mnist

Images = NDArray[np.float32]
IMAGES = 1000
MNIST_DIR = real_mnist_dir()
KSERVE = "kserve==0.21.0"
INSTALLED_IN_S = 150
SAME = 1e-6

pytestmark = needs_shipped_model


class Digits(NamedTuple):
    """MNIST's first test images, as the network takes them, and what they show."""

    images: Images  # (1000, 28, 28), 0..1
    labels: NDArray[np.uint8]


@pytest.fixture(scope="module")
def digits() -> Digits:
    """A thousand images."""
    if MNIST_DIR is None:
        pytest.skip("needs MNIST: set ROWSCAN_DATA_DIR to its folder")
    test = Mnist(MNIST_DIR).test()
    return Digits(test.scaled()[:IMAGES], test.labels[:IMAGES])


def as_seen(*files: Path) -> Images:
    """What /predict gives the network of these pictures: (n, 28, 28)."""
    limits = DecodeLimits(24_000_000, 8192)
    return np.stack([read_digit(file.read_bytes(), limits).pixels for file in files])


@pytest.fixture
def triton(service: Service) -> Iterator[Any]:
    """Triton's client over HTTP."""
    client = InferenceServerClient(service.url.removeprefix("http://"))
    yield client
    client.close()


@pytest.fixture
def open_inference(service: Service) -> Iterator[OpenInferenceClient]:
    """The protocol's own client."""
    with httpx.Client(timeout=60) as client:
        yield OpenInferenceClient(base_url=service.url, httpx_client=client)


def infer_by_triton(client: Any, images: Images, binary: bool) -> Images:  # noqa: ANN401 - untyped
    """Probabilities (n, 10), in and out as bytes or as JSON."""
    tensor = InferInput("image", list(images.shape), "FP32")
    tensor.set_data_from_numpy(images, binary_data=binary)
    output = InferRequestedOutput("probabilities", binary_data=binary)
    answer: Images = client.infer("digits", [tensor], outputs=[output]).as_numpy("probabilities")
    return answer


def infer_by_protocol(client: OpenInferenceClient, images: Images) -> Images:
    """Probabilities (n, 10) by the protocol's own client."""
    data: Any = images.astype(float).ravel().tolist()
    tensor = RequestInput(
        name="image", shape=list(images.shape), datatype="FP32", parameters=None, data=data
    )
    request = InferenceRequest(id="7", parameters=None, inputs=[tensor], outputs=None)
    (output,) = client.model_infer("digits", request=request).outputs
    return np.array(output.data.dict()["__root__"], np.float32).reshape(output.shape)


def predict_by_tensorflow(service: Service, body: dict[str, Any], key: str) -> Images:
    """Probabilities (n, 10) as TensorFlow Serving gives them."""
    url = f"{service.url}/v1/models/digits:predict"
    return np.array(httpx.post(url, json=body, timeout=60).json()[key], np.float32)


def assert_read(digits: Digits, probabilities: Images) -> None:
    """The images were read as what they show, with the few errors that the version makes."""
    assert probabilities.shape == (len(digits.images), 10)
    assert np.mean(probabilities.argmax(axis=1) == digits.labels) >= 0.99


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "JSON"])
def test_triton_reads_a_thousand(triton: Any, digits: Digits, binary: bool) -> None:  # noqa: ANN401
    """Triton's client reads a thousand images in one request."""
    assert_read(digits, infer_by_triton(triton, digits.images, binary))


def test_the_protocols_own_client_reads_some(
    open_inference: OpenInferenceClient, digits: Digits
) -> None:
    """So does the client that is made from the specification."""
    # It takes 2 s to write and read a hundred.
    some = Digits(digits.images[:200], digits.labels[:200])
    answers = [infer_by_protocol(open_inference, part) for part in np.split(some.images, 2)]
    assert_read(some, np.concatenate(answers))


def test_tensorflow_serving_reads_a_thousand(service: Service, digits: Digits) -> None:
    """And the REST API of TensorFlow Serving, in one request."""
    body = {"instances": digits.images.astype(float).tolist()}
    assert_read(digits, predict_by_tensorflow(service, body, "predictions"))


def test_every_door_gives_the_same(
    service: Service,
    triton: Any,  # noqa: ANN401
    open_inference: OpenInferenceClient,
) -> None:
    """Pictures have the same probabilities one by one at /predict and all at once elsewhere."""
    files = sorted(SEVEN.parent.glob("[0-9].*"))
    pictures = [service.post("application/octet-stream", file.read_bytes()) for file in files]
    expected = [picture["probabilities"] for picture in pictures]
    images = as_seen(*files)
    rows = images.astype(float).tolist()
    answers = [
        infer_by_triton(triton, images, binary=True),
        infer_by_triton(triton, images, binary=False),
        infer_by_protocol(open_inference, images),
        predict_by_tensorflow(service, {"instances": rows}, "predictions"),
        predict_by_tensorflow(service, {"inputs": {"image": rows}}, "outputs"),
    ]
    for answer in answers:
        np.testing.assert_allclose(answer, expected, rtol=0, atol=SAME)


def test_triton_asks_about_the_server(triton: Any) -> None:  # noqa: ANN401
    """Triton's client finds the server live, the model ready, and its tensors."""
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.is_model_ready("digits", "1")
    assert triton.get_server_metadata()["name"] == "rowscan"
    assert triton.get_model_metadata("digits")["inputs"][0]["shape"] == [-1, 28, 28]


def test_triton_asks_for_classes(triton: Any) -> None:  # noqa: ANN401
    """Its classes come as bytes of text, the likeliest first."""
    tensor = InferInput("image", [1, 28, 28], "FP32").set_data_from_numpy(as_seen(SEVEN))
    output = InferRequestedOutput("probabilities", class_count=3)
    classes = triton.infer("digits", [tensor], outputs=[output]).as_numpy("probabilities")
    assert classes.shape == (1, 3)
    assert classes[0, 0].endswith(b":7:7")


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_triton_compresses(triton: Any, algorithm: str) -> None:  # noqa: ANN401
    """Its requests may be compressed, and it may ask for answers that are."""
    tensor = InferInput("image", [1, 28, 28], "FP32").set_data_from_numpy(as_seen(SEVEN))
    answer = triton.infer(
        "digits",
        [tensor],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    assert answer.as_numpy("probabilities").argmax() == 7


def test_triton_is_told_what_is_wrong(triton: Any) -> None:  # noqa: ANN401
    """Its exceptions carry our status and text."""
    with pytest.raises(InferenceServerException, match="is not found") as raised:
        triton.get_model_metadata("letters")
    assert raised.value.status() == "404"
    tensor = InferInput("image", [1, 784], "FP32")
    tensor.set_data_from_numpy(np.zeros((1, 784), np.float32))
    with pytest.raises(InferenceServerException, match="shape") as raised:
        triton.infer("digits", [tensor])
    assert raised.value.status() == "400"


def test_the_protocols_own_client_asks_about_the_server(
    open_inference: OpenInferenceClient,
) -> None:
    """It finds the server live and ready, the model and its tensors, and what is wrong."""
    open_inference.check_server_liveness()
    open_inference.check_server_readiness()
    open_inference.check_model_version_readiness("digits", "1")
    assert open_inference.read_server_metadata().name == "rowscan"
    assert open_inference.read_model_metadata("digits").versions == ["1"]
    with pytest.raises(BadRequestError):
        infer_by_protocol(open_inference, np.zeros((1, 27, 28), np.float32))


@pytest.fixture
def kserve() -> list[str | Path]:
    """A Python with KServe's client, which needs older packages than ours; skips without."""
    if "ROWSCAN_TEST_KSERVE" not in os.environ:
        pytest.skip(f"installs 350 MB: set ROWSCAN_TEST_KSERVE to test with {KSERVE}")
    uv = Path(sys.executable).parent / "uv"
    python: list[str | Path] = [
        uv,
        "run",
        "--no-project",
        "--python",
        sys.executable,
        "--with",
        KSERVE,
        "python",
    ]
    # Nothing of the client runs yet: whatever fails here is the installation.
    try:
        subprocess.run(
            [*python, "-c", ""], capture_output=True, text=True, check=True, timeout=INSTALLED_IN_S
        )
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{KSERVE} cannot be installed here: {error.stderr.strip()[-200:]}")
    except subprocess.TimeoutExpired:
        pytest.skip(f"{KSERVE} is not installed within {INSTALLED_IN_S} s")
    return python


@pytest.mark.timeout(300)  # installed before
def test_kserve_reads_a_thousand(
    service: Service, digits: Digits, kserve: list[str | Path], tmp_path: Path
) -> None:
    """KServe's client does too."""
    np.save(tmp_path / "images.npy", digits.images)
    script = Path(__file__).parent / "kserve_client.py"
    command = [*kserve, script, service.url, "images.npy", "p.npy"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=100)
    assert_read(digits, np.load(tmp_path / "p.npy"))
