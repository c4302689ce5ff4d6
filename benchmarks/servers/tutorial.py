"""The way tutorials serve a network: FastAPI, `UploadFile`, one call of the model for each request.

The picture is scaled to 28 × 28 and nothing more is done with it.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, File, UploadFile
from PIL import Image

app = FastAPI()
model = tf.saved_model.load(sys.argv[2])
infer = model.signatures["serving_default"]


@app.post("/predict")
async def predict(file: Annotated[UploadFile, File()]) -> dict[str, object]:
    """Read a digit."""
    picture = Image.open(io.BytesIO(await file.read())).convert("L").resize((28, 28))
    pixels = np.asarray(picture, np.float32) / 255
    probabilities = infer(image=tf.constant(pixels[np.newaxis]))["probabilities"].numpy()[0]
    return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
