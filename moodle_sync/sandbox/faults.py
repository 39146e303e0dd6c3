"""Latency, costs and faults, on purpose and in a fixed order.

A fault is written `KIND[@FILTER][#OCCURRENCES]`; several are parted by `;`.

KIND
    `timeout_before` hangs, then closes the connection, nothing done; `timeout_after` does it first.
    `drop_before`, `drop_after` close at once. `html` answers a maintenance page, `http500` an empty 500,
    neither doing anything. `empty` does it and answers lists emptied; `truncated` does it and answers half.
FILTER
    a web-service function, or a path such as `/mod/lti/token.php`; `*` and `?` as in file names. Without one,
    every web-service call is meant (for `empty`: every roster).
OCCURRENCES
    which of the matching requests, counted from 1: `2`, `1,3`, `2-4`, `3-` (from the third on). Without it, all.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

KINDS = (
    "timeout_before",
    "timeout_after",
    "drop_before",
    "drop_after",
    "html",
    "http500",
    "empty",
    "truncated",
)
ROSTER = "core_enrol_get_enrolled_users"
_FAULT = re.compile(r"(?P<kind>[a-z0-9_]+)(@(?P<filter>[^#\s]+))?(#(?P<occurrences>[\d,\-]+))?")
_RANGE = re.compile(r"(\d+)(-(\d*))?")


class FaultSpecError(ValueError):
    """A fault that isn't written as the docstring says."""


@dataclass
class Fault:
    """One fault, and how many requests it has seen."""

    kind: str
    pattern: str
    ranges: list[tuple[int, int | None]] = field(default_factory=list)
    seen: int = 0

    def strikes(self, operation: str) -> bool:
        """Count a request if it is meant, and tell whether this is one to fail."""
        if not fnmatchcase(operation, self.pattern):
            return False
        if operation.startswith("/") and not self.pattern.startswith("/"):
            return False
        self.seen += 1
        return not self.ranges or any(
            first <= self.seen and (last is None or self.seen <= last) for first, last in self.ranges
        )


def parse_faults(spec: str) -> list[Fault]:
    """Read faults; raises `FaultSpecError` naming the one that can't be read."""
    faults = []
    for part in filter(None, (part.strip() for part in spec.split(";"))):
        match = _FAULT.fullmatch(part)
        if match is None or match["kind"] not in KINDS:
            raise FaultSpecError(f"{part}: a fault is KIND[@FILTER][#OCCURRENCES], KIND one of {', '.join(KINDS)}")
        ranges = [_parse_range(part, one) for one in (match["occurrences"] or "").split(",") if one]
        pattern = match["filter"] or (ROSTER if match["kind"] == "empty" else "*")
        faults.append(Fault(match["kind"], pattern, ranges))
    return faults


def _parse_range(part: str, written: str) -> tuple[int, int | None]:
    match = _RANGE.fullmatch(written)
    if match is None:
        raise FaultSpecError(f"{part}: occurrences are 2, 1,3, 2-4 or 3-")
    first = int(match[1])
    if match[2] is None:
        return first, first
    return first, int(match[3]) if match[3] else None


class Faults:
    """The faults in force; may be set while requests are under way. Times are seconds."""

    def __init__(self, spec: str = "", *, latency: float = 0.0, row_cost: float = 0.0, hang: float = 30.0) -> None:
        self.latency = latency
        self.row_cost = row_cost
        self.hang = hang
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._faults = parse_faults(spec)

    def set(self, spec: str) -> None:
        """Replace all faults, counting occurrences anew; an empty text clears them."""
        faults = parse_faults(spec)
        with self._lock:
            self._faults = faults

    def clear(self) -> None:
        """Let everything work again."""
        self.set("")

    def strike(self, operation: str) -> str:
        """Say which fault, if any, befalls this request; every fault that is meant counts it."""
        if not self._faults:
            return ""
        with self._lock:
            struck = [fault.kind for fault in self._faults if fault.strikes(operation)]
        return struck[0] if struck else ""

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the server's end."""
        if seconds > 0:
            self._closing.wait(seconds)

    def release(self) -> None:
        """Wake everybody who hangs, since the server ends."""
        self._closing.set()
