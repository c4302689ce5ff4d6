"""The documentation keeps its word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from app.api import inference_schemas, tensorflow_schemas
from app.errors import PROBLEMS
from app.schemas import BatchPrediction, Health, Prediction, Problem, Ready


def json_examples(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every example of a JSON body: path and value."""
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            content = operation.get("requestBody", {}).get("content", {})
            for example in content.get("application/json", {}).get("examples", {}).values():
                yield path, example["value"]


def answers(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every documented response: route, status and its content."""
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                (content,) = response["content"].values()
                yield path, status, content


MODELS = {
    model.__name__: model
    for model in (
        Prediction,
        BatchPrediction,
        Problem,
        Health,
        Ready,
        tensorflow_schemas.TensorError,
        tensorflow_schemas.Predicted,
        tensorflow_schemas.ModelStatus,
        tensorflow_schemas.Metadata,
        inference_schemas.Server,
        inference_schemas.ServerLive,
        inference_schemas.ServerReady,
        inference_schemas.ModelMetadata,
        inference_schemas.InferModelReady,
        inference_schemas.Inferred,
    )
}


def test_every_answer_is_shown(app: FastAPI) -> None:
    """Each response of each route has examples, and they are what its schema says."""
    for path, status, content in answers(app.openapi()):
        shown = [example["value"] for example in content.get("examples", {}).values()]
        shown += [content["example"]] if "example" in content else []
        assert shown, f"{path} {status}"
        model = MODELS[content["schema"]["$ref"].rpartition("/")[2]]
        for example in shown:
            assert_is(model, example)


@pytest.mark.parametrize("name", MODELS)
def test_every_schema_is_shown(app: FastAPI, name: str) -> None:
    """So has each schema of an answer."""
    examples = app.openapi()["components"]["schemas"][name]["examples"]
    assert examples
    for example in examples:
        assert_is(MODELS[name], example)


def assert_is(model: type[BaseModel], example: dict[str, Any]) -> None:
    """The example is what the model would answer: no key too many, none too few."""
    assert model.model_validate(example).model_dump(mode="json", exclude_none=True) == example


async def test_every_example_works(app: FastAPI, client: httpx.AsyncClient) -> None:
    """Whatever is shown can be sent as it stands."""
    examples = list(json_examples(app.openapi()))
    assert len(examples) == 12
    for path, value in examples:
        url = path.format(model="digits", version="3", label="stable")
        response = await client.post(url, json=value)
        assert response.status_code == 200, response.text
        assert "status" not in response.text


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_every_problem_is_documented(app: FastAPI, path: str) -> None:
    """Each kind of problem is shown under its status, as application/problem+json."""
    responses = app.openapi()["paths"][path]["post"]["responses"]
    documented = {
        example["value"]["type"]
        for status, response in responses.items()
        if status != "200"
        for example in response["content"]["application/problem+json"]["examples"].values()
    }
    assert documented == {problem.type for problem in PROBLEMS.values()}


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_every_way_in_is_documented(app: FastAPI, path: str) -> None:
    """Multipart, JSON and bytes are all shown."""
    content = app.openapi()["paths"][path]["post"]["requestBody"]["content"]
    assert {"multipart/form-data", "application/json", "application/octet-stream"} <= set(content)


def test_every_path_parameter_is_documented(app: FastAPI) -> None:
    """What stands in braces in a path is described."""
    for path, operations in app.openapi()["paths"].items():
        (operation,) = operations.values()
        parameters = operation.get("parameters", ())
        shown = [f"{{{each['name']}}}" for each in parameters if each["in"] == "path"]
        assert shown == re.findall(r"{\w+}", path)


async def test_docs_page(client: httpx.AsyncClient) -> None:
    """GET /docs shows the documentation, or without JavaScript where it is."""
    response = await client.get("/docs")
    assert response.status_code == 200
    assert 'href="openapi.json"' in response.text
