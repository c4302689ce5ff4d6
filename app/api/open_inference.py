"""/v2: the Open Inference Protocol over REST, for clients that exist.

With the extensions of Triton that its clients use by default: tensors as bytes after the JSON, and
outputs as classes.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from app import __version__
from app.api.context import context_of
from app.api.infer_bodies import DATATYPE, HEADER_LENGTH, read_infer, write_infer
from app.api.methods import methods_at
from app.api.tensor_documentation import INFER, LIVE, MODEL, MODEL_READY, READY, SERVER, at
from app.api.tensor_door import EVERY_METHOD, TensorDoor, TensorRoute, UnknownModelError
from app.errors import METHOD_NOT_ALLOWED, RETRY_AFTER_S
from app.inference.contract import DEFAULT_SIGNATURE, INPUT, OUTPUTS, TensorContract
from app.inference.manifest import MODEL_NAME

PLACES = ("", "/versions/{version}")
EXTENSIONS = ["binary_tensor_data", "classification"]
PLATFORM: Final = "tensorflow_savedmodel"
MAX_VERSION_DIGITS = 18


def open_inference_router(door: TensorDoor) -> APIRouter:
    """Routes of the Open Inference Protocol."""
    router = APIRouter(prefix="/v2", tags=["Open Inference Protocol"], route_class=TensorRoute)
    _add_server_routes(router, door)

    async def model(request: Request) -> Response:
        manifest = door.manifest(*_asked_model(request))
        return JSONResponse(_metadata(manifest.version))

    async def model_ready(request: Request) -> Response:
        door.manifest(*_asked_model(request))
        door.service.model()  # it is ready however much there is to do
        return JSONResponse({"name": MODEL_NAME, "ready": True})

    async def infer(request: Request) -> Response:
        name, version, unknown = _asked_model(request)
        served = door.model(name, version, unknown)
        header_length = request.headers.get(HEADER_LENGTH)
        read = partial(read_infer, header_length=header_length, max_images=door.max_images)
        asked, answer = await door.ask(request, served, read)
        if version not in (None, answer.manifest.version):  # another followed it meanwhile
            raise UnknownModelError(unknown)
        return write_infer(asked, answer.scores, answer.manifest.version)

    async def nothing(request: Request) -> Response:
        allowed = methods_at(router.routes, request.scope)
        if not allowed:
            raise UnknownModelError("There is nothing at this address.")
        context_of(request).reason = METHOD_NOT_ALLOWED.reason
        said = {"error": f"Ask with {allowed} here."}
        return JSONResponse(said, METHOD_NOT_ALLOWED.status, {"Allow": allowed})

    for place in PLACES:
        model_path = f"/models/{{model}}{place}"
        router.add_api_route(model_path, model, **at(place, MODEL))
        router.add_api_route(f"{model_path}/ready", model_ready, **at(place, MODEL_READY))
        router.add_api_route(f"{model_path}/infer", infer, methods=["POST"], **at(place, INFER))
    router.add_api_route("/{rest:path}", nothing, methods=EVERY_METHOD, include_in_schema=False)
    return router


def _add_server_routes(router: APIRouter, door: TensorDoor) -> None:
    async def server() -> Response:
        return JSONResponse({"name": "rowscan", "version": __version__, "extensions": EXTENSIONS})

    async def live() -> Response:
        return JSONResponse({"live": True})

    async def ready() -> Response:
        if door.service.status == "ready":
            return JSONResponse({"ready": True})
        return JSONResponse({"ready": False}, 503, {"Retry-After": str(RETRY_AFTER_S)})

    router.add_api_route("", server, **SERVER)
    router.add_api_route("/", server, include_in_schema=False)
    router.add_api_route("/health/live", live, **LIVE)
    router.add_api_route("/health/ready", ready, **READY)
    for path, probe in (("/health/live", live), ("/health/ready", ready)):
        router.add_api_route(path, probe, methods=["HEAD"], include_in_schema=False)


def _asked_model(request: Request) -> tuple[str, int | None, str]:
    """Name and version in the path, and what to say if there is none such."""
    path: dict[str, str] = request.path_params
    name, version = path["model"], path.get("version")
    if version is None:
        return name, None, f"Request for unknown model: '{name}' is not found"
    unknown = f"Request for unknown model: '{name}' version {version} is not found"
    if not (version.isascii() and version.isdecimal() and len(version) <= MAX_VERSION_DIGITS):
        raise UnknownModelError(unknown)
    return name, int(version), unknown


def _metadata(version: int) -> dict[str, Any]:
    return {
        "name": MODEL_NAME,
        "versions": [str(version)],
        "platform": PLATFORM,
        "inputs": [_tensor(INPUT)],
        "outputs": [_tensor(output) for output in OUTPUTS[DEFAULT_SIGNATURE]],
    }


def _tensor(tensor: TensorContract) -> dict[str, Any]:
    shape = [-1 if size is None else size for size in tensor.shape]
    return {"name": tensor.name, "datatype": DATATYPE, "shape": shape}
