"""The same in LitServe, with its batching on: what has come within a millisecond rides together."""

# No `annotations` from the future: LitServe looks at the class that a request is annotated with.
import io
import sys

import litserve
import numpy as np
from fastapi import Request
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float32]


class Digits(litserve.LitAPI):
    """A SavedModel behind LitServe."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - there is but the processor
        """Load the network, in the worker."""
        import tensorflow as tf

        self.model = tf.saved_model.load(sys.argv[2])
        self.infer = self.model.signatures["serving_default"]

    def decode_request(self, request: Request) -> Pixels:
        """Return the pixels (28, 28) of an upload; what LitServe hands over is its form."""
        picture = Image.open(io.BytesIO(request["file"].file.read())).convert("L").resize((28, 28))
        return np.asarray(picture, np.float32) / np.float32(255)

    def batch(self, inputs: list[Pixels]) -> Pixels:
        """Stack images to (n, 28, 28)."""
        return np.stack(inputs)

    def predict(self, x: Pixels) -> Pixels:
        """Return probabilities (n, 10)."""
        probabilities: Pixels = self.infer(image=x)["probabilities"].numpy()
        return probabilities

    def unbatch(self, output: Pixels) -> list[Pixels]:
        """Hand each request its own."""
        return list(output)

    def encode_response(self, output: Pixels) -> dict[str, object]:
        """Return what is shown as JSON."""
        return {"digit": int(output.argmax()), "probabilities": output.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Digits(max_batch_size=64, batch_timeout=0.001), accelerator="cpu")
    server.run(port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
