"""Keeping floods out of the kernel log (Linux: lib/ratelimit.c)."""

from __future__ import annotations

NSEC_PER_SEC = 1_000_000_000
DEFAULT_RATELIMIT_INTERVAL = 5 * NSEC_PER_SEC
DEFAULT_RATELIMIT_BURST = 10


class Ratelimit:
    """At most `burst` in `interval` nanoseconds from the first; `missed` counts those refused, until somebody asks."""

    __slots__ = ("begin", "burst", "interval", "missed", "printed")

    def __init__(self) -> None:
        self.interval = DEFAULT_RATELIMIT_INTERVAL
        self.burst = DEFAULT_RATELIMIT_BURST
        self.begin = -1
        self.printed = 0
        self.missed = 0

    def allow(self, now: int) -> bool:
        """Whether one more may go through at `now` (nanoseconds)."""
        if not self.interval:
            return True
        if self.begin < 0 or now > self.begin + self.interval:
            self.begin = now
            self.printed = 0
        if self.printed < self.burst:
            self.printed += 1
            return True
        self.missed += 1
        return False

    def take_missed(self) -> int:
        """How many were refused; counting begins anew."""
        missed, self.missed = self.missed, 0
        return missed
