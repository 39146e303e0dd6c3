"""What goes into cells of workbooks that the program writes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE


def cells(values: Iterable[Any]) -> list[Any]:
    """Return a row without the control characters that XML 1.0 has no place for, and openpyxl refuses to write."""
    return [ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value for value in values]
