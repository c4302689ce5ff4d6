"""The ceilings: FastAPI takes the body that the service takes, and answers a constant.

POST /predict takes the upload as everyone does it, as an `UploadFile`; POST /raw reads the body.
"""

from __future__ import annotations

import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, File, Request, UploadFile

app = FastAPI()


@app.post("/predict")
async def predict(file: Annotated[UploadFile, File()]) -> dict[str, int]:
    """Read the upload, answer always the same."""
    await file.read()
    return {"digit": 7}


@app.post("/raw")
async def raw(request: Request) -> dict[str, int]:
    """Read the body, answer always the same."""
    await request.body()
    return {"digit": 7}


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="warning")
