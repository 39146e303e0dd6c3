"""The table of points: how many further nights each took, by call and kind of fault."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

FURTHER_NIGHTS = "further nights"
"""The property under which a test of a point records kind of fault, call and further nights."""


def table(reports: Iterable[Any]) -> list[str]:
    """Return the lines of the table; none where no point was tested."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    totals: Counter[str] = Counter()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == FURTHER_NIGHTS and report.when == "call":
                kind, operation, nights = value
                found[operation.rsplit("/", 1)[-1]][kind].append(str(nights))
                totals[str(nights)] += 1
    if not totals:
        return []
    kinds = sorted({kind for row in found.values() for kind in row})
    wide = max(map(len, found))
    lines = [" ".join([" " * wide, *kinds])]
    lines += [
        " ".join([operation.ljust(wide), *(",".join(row[kind]).center(len(kind)) for kind in kinds)]).rstrip()
        for operation, row in sorted(found.items())
    ]
    by_nights = ", ".join(f"{totals[nights]} after {nights}" for nights in sorted(totals))
    return [*lines, f"{totals.total()} points; further nights until all was as without the fault: {by_nights}"]
