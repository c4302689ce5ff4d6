"""How many images a second a client may have read: a token bucket for each address.

A request takes one token when it comes, and the others when it ends, when it is known how many
images it was. So a bucket can be overdrawn, by all requests that are under way at once, and its
client waits until that is made good.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Some 3 MB at most. Whoever has been away longest is forgotten, which fills that bucket.
MAX_CLIENTS: Final = 10_000
MAX_ADDRESS_CHARS: Final = 45  # an IPv6 address at its longest
IPV6_CLIENT_BITS: Final = 64  # one household or machine has as many addresses as it likes within


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """`images_per_s` for each client, and as many at once: a second's worth, at least one."""

    def __init__(
        self,
        images_per_s: float,
        max_clients: int = MAX_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._images_per_s = images_per_s
        self._most = max(1.0, images_per_s)
        self._max_clients = max_clients
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}  # who was here last is the last

    def take(self, client: str) -> int:
        """Take a token of the client's: 0, or the seconds until there will be one."""
        now = self._clock()
        bucket = self._buckets.pop(client, None) or _Bucket(self._most, now)
        earned = (now - bucket.at) * self._images_per_s
        bucket.tokens, bucket.at = min(self._most, bucket.tokens + earned), now
        if len(self._buckets) >= self._max_clients:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[client] = bucket
        if bucket.tokens < 1:
            return math.ceil((1 - bucket.tokens) / self._images_per_s)
        bucket.tokens -= 1
        return 0

    def charge(self, client: str, images: int) -> None:
        """Take the tokens of further images, whether they are there or not."""
        if bucket := self._buckets.get(client):
            bucket.tokens -= images

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._buckets)


def client_of(host: str) -> str:
    """The client behind an address: the address, or the network of an IPv6 one.

    Behind a proxy it is a header, which may hold kilobytes of anything: of that only the beginning.
    """
    if ":" not in host:
        return host[:MAX_ADDRESS_CHARS]
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:  # as a proxy may write it
        return host[:MAX_ADDRESS_CHARS]
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), IPV6_CLIENT_BITS), strict=False))
