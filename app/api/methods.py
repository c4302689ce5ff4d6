"""Which methods an address takes, for those who have asked with another one."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import BaseRoute, Match
from starlette.types import Scope


def methods_at(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """The methods of all routes that take the path of a request but not its method.

    As the header Allow has them; empty when there is no such route.
    """
    methods: set[str] = set()
    for each in routes:
        if each.matches(scope)[0] is Match.PARTIAL:
            methods.update(getattr(each, "methods", ()))
    return ", ".join(sorted(methods))
