"""How much a Moodle bears: rows in a call, calls at once. Begins with what the server allows, backs off on slowness."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

SLOW = 8.0
"""Seconds; a call that takes longer should carry less: proxies and PHP cut off at 30 to 60 s."""
QUICK = 3.0
"""Seconds; a call that takes less may carry more."""
FEWEST_ROWS = 10
STEADY = 20
"""Good calls on end after which one more at once is tried."""


class Pace:
    """Adapt to the server, shared by all threads of a client.

    Calls at once: halved when the server fails as a whole, one more after ``STEADY`` good ones, never above the number
    given. Rows in a call: halved when a call was slow or failed, doubled when it was quick, never above what a call may
    carry.
    """

    def __init__(self, concurrency: int) -> None:
        self.most = concurrency
        self._limit = concurrency
        self._under_way = 0
        self._good = 0
        self._rows: dict[str, int] = {}
        self._turn = threading.Condition()

    @property
    def concurrency(self) -> int:
        """Return how many calls may be under way at once now."""
        return self._limit

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until one more call may be under way."""
        with self._turn:
            self._turn.wait_for(lambda: self._under_way < self._limit)
            self._under_way += 1
        try:
            yield
        finally:
            with self._turn:
                self._under_way -= 1
                self._turn.notify_all()

    def went_well(self) -> None:
        """Note that the server answered."""
        with self._turn:
            self._good += 1
            if self._good >= STEADY and self._limit < self.most:
                self._limit, self._good = self._limit + 1, 0
                self._turn.notify_all()

    def failed(self) -> None:
        """Note that the server failed as a whole: overloaded, timed out, gone."""
        with self._turn:
            self._limit, self._good = max(1, self._limit // 2), 0

    def rows(self, function: str, most: int) -> int:
        """Return how many rows the next call of ``function`` should carry, ``most`` being what it may."""
        with self._turn:
            return min(self._rows.get(function, most), most)

    def carried(self, function: str, rows: int, seconds: float | None) -> None:
        """Note how long a call with so many rows took; None where it failed with the server as a whole."""
        with self._turn:
            if seconds is None or seconds > SLOW:
                # A small rest that was slow says nothing of the size; a call sent before it sank must not raise it.
                current = self._rows.get(function, rows)
                if rows >= current // 2:
                    self._rows[function] = min(current, max(FEWEST_ROWS, rows // 2))
            elif seconds < QUICK and function in self._rows and rows >= self._rows[function]:
                self._rows[function] *= 2
