"""What schemathesis does to its requests before it sends them."""

from __future__ import annotations

from typing import Any

import schemathesis

DEADLINE = "X-Deadline-Ms"
SHORTEST_MS = 20_000


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, object]
) -> None:
    """Allow time: a millisecond is a valid deadline, and whether it suffices is chance."""
    del context, kwargs
    headers: dict[str, str] = dict(case.headers or {})
    asked = str(headers.get(DEADLINE, ""))
    if asked.isascii() and asked.isdecimal() and 1 <= int(asked) < SHORTEST_MS:
        case.headers[DEADLINE] = str(int(asked) + SHORTEST_MS)
