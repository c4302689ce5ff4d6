"""The token buckets: how much, how long to wait, for whom, and in how much memory."""

from __future__ import annotations

import pytest

from app.api.rate_limit import RateLimit, client_of


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_second_at_once_then_the_rate() -> None:
    """Two a second: two at once, and the next after half a second, never more than two."""
    clock = Clock()
    limit = RateLimit(2, clock=clock)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 1]
    clock.now += 0.5
    assert [limit.take("a") for _ in range(2)] == [0, 1]
    clock.now += 60
    assert [limit.take("a") for _ in range(3)] == [0, 0, 1]


def test_less_than_one_a_second() -> None:
    """A rate below one still lets one through, and tells how long the next takes."""
    limit = RateLimit(0.1, clock=Clock())
    assert [limit.take("a"), limit.take("a")] == [0, 10]


def test_many_images_are_made_good() -> None:
    """A request of many is let through, and waited for afterwards."""
    clock = Clock()
    limit = RateLimit(10, clock=clock)
    assert limit.take("a") == 0
    limit.charge("a", 39)
    assert limit.take("a") == 4
    clock.now += 4
    assert limit.take("a") == 0


def test_clients_do_not_share() -> None:
    """Each address has a bucket of its own."""
    limit = RateLimit(1, clock=Clock())
    assert [limit.take("a"), limit.take("b"), limit.take("a")] == [0, 0, 1]


def test_memory_is_bounded() -> None:
    """Whoever has been away longest is forgotten first; what comes late for them is, too."""
    limit = RateLimit(1, max_clients=2, clock=Clock())
    for client in ("a", "b", "a", "c"):
        limit.take(client)
    assert len(limit) == 2
    limit.charge("b", 5)
    assert [limit.take("a"), limit.take("b")] == [1, 0]


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("192.0.2.7:80", "192.0.2.7:80"),
        ("", ""),
        ("x" * 60_000, "x" * 45),
        (":" * 60_000, ":" * 45),
    ],
)
def test_client(host: str, client: str) -> None:
    """An IPv6 client is its network, or it would have a bucket for each of its addresses."""
    assert client_of(host) == client
