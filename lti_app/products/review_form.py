"""What the leader typed of a product: a mark and a note for each criterion."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

from lti_app.products.models import Mark
from lti_app.products.reviewing import MarkRow
from lti_app.programmes.demands import MOST_CRITERIA

MARKS = frozenset(mark.value for mark in Mark)


def typed_marks(sent: MultiDict[str, str]) -> dict[int, MarkRow]:
    """Read the marks of a form (``mark_0``, ``note_0`` …), by the place of the criterion."""
    found = {}
    for place in range(MOST_CRITERIA):
        mark, note = sent.get(f"mark_{place}", ""), sent.get(f"note_{place}", "")
        if mark or note:
            found[place] = MarkRow(Mark(mark) if mark in MARKS else None, note)
    return found
