"""W3C Trace Context: the trace that a request says it belongs to, for the log.

Read only when a line is written, so that it costs other requests nothing. The header goes one way:
the specification defines none for responses, and whoever sent it has it; X-Request-ID comes back.
"""

from __future__ import annotations

import re

from opentelemetry.trace import format_trace_id, get_current_span
from starlette.types import Scope

TRACEPARENT = b"traceparent"
# Version, trace, parent, flags: https://www.w3.org/TR/trace-context/#traceparent-header. Later
# versions may have more behind it; ff is none, and neither is an id of zeros.
SOUND = re.compile(
    rb"(?!ff)(?P<version>[0-9a-f]{2})-(?!0{32})(?P<trace>[0-9a-f]{32})-"
    rb"(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-.*)?"
)


def trace_id_of(scope: Scope) -> str | None:
    """32 lower-case hexadecimal digits; None when there is no sound traceparent, or several.

    When traces are on (app/tracing.py) every request has one but for probes: its span's.
    """
    span = get_current_span().get_span_context()
    if span.is_valid:
        return format_trace_id(span.trace_id)
    sent = [value for name, value in scope["headers"] if name == TRACEPARENT]
    if len(sent) != 1:
        return None
    found = SOUND.fullmatch(sent[0])
    if found is None or (found["version"] == b"00" and found["more"] is not None):
        return None
    return found["trace"].decode("ascii")
