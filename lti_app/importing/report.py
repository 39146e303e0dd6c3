"""What an import found and did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lti_app.core.errors import DomainError, Text
from lti_app.core.saving import Saved

SHORT = 40


def shorten(value: object) -> str:
    """Return a cell's value on one line, short enough for a message."""
    text = " ".join(str(value).split())
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


@dataclass(frozen=True)
class Finding:
    """Name a cell (or a row, sheet or file, as far as it is known), what is wrong with it and what to do.

    ``sheet`` and ``column`` are as the file writes them; ``row`` counts from 1, the headings included. ``file`` stands
    in place of ``sheet`` where the whole file is at fault.
    """

    message: Text
    remedy: Text = ""
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    value: object = None
    code: str = ""
    file: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "sheet": self.sheet or self.file,
            "row": self.row,
            "column": self.column,
            "value": None if self.value is None else shorten(self.value),
            "code": self.code,
            "message": str(self.message),
            "remedy": str(self.remedy),
        }


@dataclass
class ImportReport:
    """Count what was done, per sheet; list what forbids the import and what deserves a look."""

    counts: dict[str, Counter[Saved]] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def count(self, sheet: str, saved: Saved) -> None:
        """Count one row of ``sheet``."""
        self.counts.setdefault(sheet, Counter())[saved] += 1

    def as_json(self, *, dry_run: bool) -> dict[str, Any]:
        """Return a JSON object; where there are problems nothing was written, so nothing is counted."""
        counts = {} if self.problems else self.counts
        return {
            "ok": not self.problems,
            "dry_run": dry_run,
            "sheets": {name: {kind.value: tally[kind] for kind in Saved} for name, tally in counts.items()},
            "problems": [finding.as_json() for finding in self.problems],
            "warnings": [finding.as_json() for finding in self.warnings],
        }


class ImportRefused(DomainError):
    """Refuse the whole import; ``report`` names every bad cell."""

    def __init__(self, report: ImportReport) -> None:
        first = report.problems[0]
        super().__init__("import_refused", first.message, remedy=first.remedy)
        self.report = report
