"""Every error has its place in the one table."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.errors import (
    INTERNAL,
    PROBLEMS,
    InvalidInputError,
    ModelError,
    RequestError,
    RowscanError,
    problem_of,
)


def kinds(error: type[RowscanError]) -> Iterator[type[RowscanError]]:
    """All classes below one."""
    for kind in error.__subclasses__():
        yield kind
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds(RequestError)))
def test_every_request_error_has_a_problem(kind: type[RowscanError]) -> None:
    """Whatever can be wrong with a request has a status and a type of its own."""
    assert 400 <= PROBLEMS[kind].status <= 504


def test_problem_types_differ() -> None:
    """A client can tell the problems apart by their type."""
    assert len({problem.type for problem in PROBLEMS.values()}) == len(PROBLEMS)


def test_a_more_special_error_has_the_problem_of_its_kind() -> None:
    """An error of a subclass is shown as what it is a kind of."""

    class TooRoundError(InvalidInputError):
        pass

    assert problem_of(TooRoundError("too round")) is PROBLEMS[InvalidInputError]


def test_model_errors_are_internal() -> None:
    """A broken version is nothing that a client could mend."""
    assert problem_of(ModelError("broken")) is INTERNAL
