"""Errors → `application/problem+json`, the only form in which this API says no."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app import errors, schemas
from app.api.context import context_of
from app.api.methods import methods_at
from app.errors import Problem, RowscanError

MEDIA_TYPE = "application/problem+json"
RETRIABLE = frozenset({429, 503})
MAX_DETAIL_CHARS = 500  # of 6 bytes at most, as \u0000: a problem stays under 4 KB


def problem_body(problem: Problem, detail: str, request_id: str) -> schemas.Problem:
    """A problem as JSON shows it."""
    return schemas.Problem(
        type=problem.type,
        title=problem.title,
        status=problem.status,
        detail=detail[:MAX_DETAIL_CHARS],
        request_id=request_id,
    )


def error_body(error: RowscanError, request_id: str) -> schemas.Problem:
    """The problem that stands for an error."""
    return problem_body(errors.problem_of(error), str(error), request_id)


def problem_response(
    problem: Problem, detail: str, request_id: str, headers: dict[str, str] | None = None
) -> Response:
    """A problem as a response, with Retry-After where trying again helps."""
    headers = dict(headers or {})
    if problem.status in RETRIABLE:
        headers["Retry-After"] = str(errors.RETRY_AFTER_S)
    body = problem_body(problem, detail, request_id).model_dump_json()
    return Response(body, problem.status, headers, MEDIA_TYPE)


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error that the app or the framework raises with a problem.

    What is none of these three is caught by the envelope.
    """
    # Starlette types every handler as one of Exception, whatever class it is installed for.
    app.add_exception_handler(RowscanError, _on_rowscan_error)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, _on_http_exception)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _on_validation_error)  # type: ignore[arg-type]


def rowscan_problem(request: Request, error: RowscanError) -> Response:
    """The response to a request that cannot be answered."""
    return _say_no(request, errors.problem_of(error), str(error))


def _say_no(
    request: Request, problem: Problem, detail: str, headers: dict[str, str] | None = None
) -> Response:
    context = context_of(request)
    context.reason = problem.reason
    return problem_response(problem, detail, context.request_id, headers)


async def _on_rowscan_error(request: Request, error: RowscanError) -> Response:
    return rowscan_problem(request, error)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    status, headers = error.status_code, dict(error.headers or {})
    if status == errors.NOT_FOUND.status:
        problem, detail = errors.NOT_FOUND, "There is nothing at this address. GET /docs."
    elif status == errors.METHOD_NOT_ALLOWED.status:
        routes = (each.original_route for each in iter_route_contexts(request.app.routes))
        if allowed := methods_at(routes, request.scope):
            headers["Allow"] = allowed  # of one route it had been
        problem, detail = errors.METHOD_NOT_ALLOWED, f"Ask with {allowed or 'another method'} here."
    else:
        title = HTTPStatus(status).phrase
        problem, detail = Problem(status, "about:blank", title), title
    return _say_no(request, problem, detail, headers)


async def _on_validation_error(request: Request, error: RequestValidationError) -> Response:
    """A query parameter or header that does not fit: bodies are not read by the framework."""
    first = error.errors()[0]
    place = " ".join(str(part) for part in first["loc"][:2])  # what follows is the type
    problem = errors.PROBLEMS[errors.InvalidInputError]
    return _say_no(request, problem, f"{place}: {first['msg']}.")
