"""/v1/models/digits: the REST API of TensorFlow Serving, for clients that exist.

Its paths, shapes, error texts and status codes, but for what it repeats of a body in its errors.
The Content-Type is not looked at, as there.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from app.api.predict_bodies import read_predict, write_predict
from app.api.tensor_documentation import METADATA, STATUS, TENSORFLOW_PREDICT, at
from app.api.tensor_door import EVERY_METHOD, TensorDoor, TensorRoute, UnknownModelError
from app.errors import MalformedRequestError
from app.inference.contract import INPUT, OUTPUTS, TensorContract
from app.inference.manifest import MODEL_NAME
from app.inference.service import Service, Status

PLACES = ("", "/versions/{version}", "/labels/{label}")
# There, labels are set by whoever runs the server. Here one version is served, by one label.
LABEL: Final = "stable"
MAX_VERSION = 2**63 - 1
STATES: Final[dict[Status, str]] = {
    "loading": "LOADING",
    "ready": "AVAILABLE",
    "draining": "UNLOADING",
    "failed": "END",
}


def tensorflow_serving_router(door: TensorDoor) -> APIRouter:
    """Routes of TensorFlow Serving's REST API."""
    router = APIRouter(prefix="/v1", tags=["TensorFlow Serving"], route_class=TensorRoute)

    async def predict(request: Request) -> Response:
        name, version = _asked_model(request)
        unknown = _not_found(name, version)
        model = door.model(name, version, unknown)
        read = partial(read_predict, max_images=door.max_images)
        asked, answer = await door.ask(request, model, read)
        if version not in (None, answer.manifest.version):  # another followed it meanwhile
            raise UnknownModelError(unknown)
        return JSONResponse(write_predict(asked, answer.scores))

    async def status(request: Request) -> Response:
        name, version = _asked_model(request)
        statuses = _statuses(door.service) if name == MODEL_NAME else {}
        if version is None:
            if not statuses:
                door.manifest(name, None, f"Could not find any versions of model {name}")
            return JSONResponse({"model_version_status": list(statuses.values())})
        if version not in statuses:
            door.manifest(name, version, f"Could not find version {version} of model {name}")
        return JSONResponse({"model_version_status": [statuses[version]]})

    async def metadata(request: Request) -> Response:
        name, version = _asked_model(request)
        manifest = door.manifest(name, version, _not_found(name, version))
        return JSONResponse(_metadata(manifest.version))

    async def malformed(request: Request) -> Response:
        raise MalformedRequestError(_why_malformed(request))

    for place in PLACES:
        model_path = f"/models/{{model}}{place}"
        add = router.add_api_route
        add(f"{model_path}:predict", predict, methods=["POST"], **at(place, TENSORFLOW_PREDICT))
        add(f"{model_path}/metadata", metadata, **at(place, METADATA))
        add(model_path, status, **at(place, STATUS))
    router.add_api_route("/{rest:path}", malformed, methods=EVERY_METHOD, include_in_schema=False)
    return router


def _asked_model(request: Request) -> tuple[str, int | None]:
    """Name and version in the path; no version is the newest, and so is the one label."""
    path: dict[str, str] = request.path_params
    name, version, label = path["model"], path.get("version"), path.get("label")
    if any(":" in value for value in path.values()):
        raise MalformedRequestError(_why_malformed(request))
    if label not in (None, LABEL):
        raise MalformedRequestError(f"Unrecognized servable version label: {label}")
    if version is None:
        return name, None
    if not (version.isascii() and version.isdecimal()):
        raise MalformedRequestError(_why_malformed(request))
    if len(version) > len(str(MAX_VERSION)) or int(version) > MAX_VERSION:
        raise MalformedRequestError(f"Failed to convert version: {version} to numeric.")
    return name, int(version)


def _not_found(name: str, version: int | None) -> str:
    wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    return f"Servable not found for request: {wanted}"


def _why_malformed(request: Request) -> str:
    """What is wrong with a path or method for which there is no route."""
    path, method = request.url.path, request.method
    if (method, path.rstrip("/")) == ("GET", "/v1/models"):
        return "Missing model name in request."
    for verb, kind in (("classify", "classification"), ("regress", "regression")):
        if method == "POST" and path.endswith(f":{verb}"):
            return (
                f"Expected {kind} signature method_name to be tensorflow/serving/{verb}. "
                "Was: tensorflow/serving/predict"
            )
    return f"Malformed request: {method} {path}"


def _statuses(service: Service) -> dict[int, dict[str, Any]]:
    """What is known of each version, the newest first; refused ones have ended with their error."""
    known = {
        version: _status(version, "END", "FAILED_PRECONDITION", why)
        for version, why in service.refused.items()
    }
    if service.manifest is not None:
        version = service.manifest.version
        known[version] = _status(version, STATES[service.status])
    return dict(sorted(known.items(), reverse=True))


def _status(version: int, state: str, code: str = "OK", message: str = "") -> dict[str, Any]:
    return {
        "version": str(version),
        "state": state,
        "status": {"error_code": code, "error_message": message},
    }


def _metadata(version: int) -> dict[str, Any]:
    signatures = {
        name: {
            "inputs": {INPUT.name: _tensor(name, INPUT)},
            "outputs": {output.name: _tensor(name, output) for output in outputs},
            "method_name": "tensorflow/serving/predict",
        }
        for name, outputs in OUTPUTS.items()
    }
    return {
        "model_spec": {"name": MODEL_NAME, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _tensor(signature: str, tensor: TensorContract) -> dict[str, Any]:
    """A tensor as protocol buffers show it in JSON: 64-bit numbers are strings, -1 is any size."""
    sizes = [-1 if size is None else size for size in tensor.shape]
    return {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": str(size), "name": ""} for size in sizes],
            "unknown_rank": False,
        },
        # Where it is in the graph, which no client of REST can use.
        "name": f"{signature}_{tensor.name}:0",
    }
