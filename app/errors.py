"""Everything that can go wrong on purpose, and the one mapping from there to HTTP.

    RowscanError
    ├── RequestError                      a request that cannot be answered
    │   ├── MalformedRequestError         400  bad JSON, bad multipart, missing part
    │   ├── InvalidInputError             422  well-formed, but a wrong shape or wrong values
    │   ├── UnauthorizedError             401  without the key, where one is set
    │   ├── PayloadTooLargeError          413  body bytes, image pixels, image side, images
    │   ├── UnsupportedImageError         415  not a type that is read here, or several frames
    │   ├── UndecodableImageError         422  truncated, corrupt
    │   ├── BlankImageError               422  nothing is drawn on it
    │   ├── QueueFullError                429  with Retry-After
    │   ├── RateLimitedError              429  with Retry-After
    │   ├── DrainingError                 503  with Retry-After
    │   ├── NotReadyError                 503  with Retry-After
    │   ├── DeadlineExceededError         504
    │   └── InferenceError                500  the network failed, or its output is not finite
    └── ModelError                        a published version that must not be served

`str(error)` is one or two plain sentences for the person who reads the answer: what was wrong, and
what to do. It never repeats what was sent, but for the names that TensorFlow Serving and the Open
Inference Protocol repeat. Imaging and inference raise these and know no HTTP.
"""

from __future__ import annotations

from typing import NamedTuple


class RowscanError(Exception):
    """The root: every error that this project raises on purpose."""


class RequestError(RowscanError):
    """A request that cannot be answered; each kind below has its row in `PROBLEMS`."""


class MalformedRequestError(RequestError):
    """The request cannot be read: broken JSON or multipart, or a part is missing."""


class InvalidInputError(RequestError):
    """The request reads well but has the wrong shape or values that are not allowed."""


class UnauthorizedError(RequestError):
    """The request has no key, or a wrong one."""


class PayloadTooLargeError(RequestError):
    """More than the service takes: body bytes, image pixels, an image side, a number of images."""


class UnsupportedImageError(RequestError):
    """Not a kind of image (or of body) that is read here, or an image of several frames."""


class UndecodableImageError(RequestError):
    """An image of a known kind that is truncated or corrupt."""


class BlankImageError(RequestError):
    """An image with nothing drawn on it."""


class QueueFullError(RequestError):
    """As many images wait as may wait; try again in a moment."""


class RateLimitedError(RequestError):
    """The client has had as many images read as it may in this time."""


class DrainingError(RequestError):
    """The service is stopping and takes no new work."""


class NotReadyError(RequestError):
    """No verified model is loaded, not yet or not at all."""


class DeadlineExceededError(RequestError):
    """The answer was not there in time."""


class InferenceError(RequestError):
    """The network itself failed; nobody's input is to blame."""


class ModelError(RowscanError):
    """A published version that must not be served: broken, changed, or not what it says it is.

    It may name files, and file names need not be text; what is none of it is escaped.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why.encode("utf-8", "backslashreplace").decode())


class Problem(NamedTuple):
    """What an error looks like from outside (RFC 9457)."""

    status: int
    type: str  # a relative URI, the same for every occurrence
    title: str

    @property
    def reason(self) -> str:
        """Its name in the metrics: one of `REASONS`."""
        return self.type.rpartition("/")[2] if self.type.startswith("/") else OTHER_REASON


RETRY_AFTER_S = 1

PROBLEMS: dict[type[RowscanError], Problem] = {
    MalformedRequestError: Problem(400, "/problems/malformed-request", "Malformed request"),
    InvalidInputError: Problem(422, "/problems/invalid-input", "Invalid input"),
    UnauthorizedError: Problem(401, "/problems/unauthorized", "Key required"),
    PayloadTooLargeError: Problem(413, "/problems/payload-too-large", "Payload too large"),
    UnsupportedImageError: Problem(415, "/problems/unsupported-image", "Unsupported image type"),
    UndecodableImageError: Problem(422, "/problems/undecodable-image", "Undecodable image"),
    BlankImageError: Problem(422, "/problems/blank-image", "Blank image"),
    QueueFullError: Problem(429, "/problems/queue-full", "Queue full"),
    RateLimitedError: Problem(429, "/problems/rate-limited", "Too many requests"),
    DrainingError: Problem(503, "/problems/draining", "Service is stopping"),
    NotReadyError: Problem(503, "/problems/not-ready", "No model is ready"),
    DeadlineExceededError: Problem(504, "/problems/deadline-exceeded", "Deadline exceeded"),
    InferenceError: Problem(500, "/problems/inference-failed", "Inference failed"),
}
NOT_FOUND = Problem(404, "/problems/not-found", "Not found")
METHOD_NOT_ALLOWED = Problem(405, "/problems/method-not-allowed", "Method not allowed")
INTERNAL = Problem(500, "/problems/internal", "Internal error")
OTHER_REASON = "other"
REASONS = (
    *(problem.reason for problem in (*PROBLEMS.values(), NOT_FOUND, METHOD_NOT_ALLOWED, INTERNAL)),
    OTHER_REASON,
)


def problem_of(error: RowscanError) -> Problem:
    """The problem for an error, by its nearest class in `PROBLEMS`; anything else is internal."""
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    return INTERNAL


def in_one_line(error: Exception) -> str:
    """What failed, and how. TensorFlow's messages go on for pages; their first line says it."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
