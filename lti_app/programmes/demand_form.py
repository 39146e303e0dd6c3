"""The editor's rows of products that a version asks for: what was typed, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from lti_app.core.errors import DomainError, Text
from lti_app.programmes.demands import LONGEST_CRITERION, MOST_CRITERIA, DemandRow, kind_from, kind_value
from lti_app.programmes.models import ProductKind, ProgrammeVersion

FIELDS = ("kind", "title", "required", "criteria")
LONGEST_TITLE = 300


@dataclass
class DemandForm:
    """Hold a row as it was typed, under a key of the page, with what is wrong by field."""

    key: str
    values: dict[str, str]
    errors: dict[str, Text] = field(default_factory=dict)


def demand_forms_of(version: ProgrammeVersion) -> list[DemandForm]:
    """Return the rows filled from a version."""
    return [
        DemandForm(
            str(number),
            {
                "kind": kind_value(one.kind, one.lesson_kind),
                "title": one.title,
                "required": "yes" if one.is_required else "",
                "criteria": "\n".join(one.criteria),
            },
        )
        for number, one in enumerate(version.demands, start=1)
    ]


def read_demand_forms(sent: MultiDict[str, str]) -> list[DemandForm]:
    """Read the rows that were sent, in the order in which they stood on the page."""
    return [
        DemandForm(key, {name: sent.get(f"demand_{name}_{key}", "") for name in FIELDS})
        for key in dict.fromkeys(sent.getlist("demand"))
    ]


def demands_rearranged(rows: list[DemandForm], verb: str, key: str) -> None:
    """Do what a button of the section asks for: add-demand, remove-demand, up-demand, down-demand."""
    place = next((place for place, row in enumerate(rows) if row.key == key), None)
    if verb == "add-demand":
        taken = {row.key for row in rows}
        number = len(rows) + 1
        while str(number) in taken:
            number += 1
        blank = {"kind": ProductKind.LESSON_DESIGN.value, "title": "", "required": "yes", "criteria": ""}
        rows.append(DemandForm(str(number), blank))
    elif place is None:
        return
    elif verb == "remove-demand":
        del rows[place]
    elif verb == "up-demand" and place > 0:
        rows[place - 1], rows[place] = rows[place], rows[place - 1]
    elif verb == "down-demand" and place < len(rows) - 1:
        rows[place + 1], rows[place] = rows[place], rows[place + 1]


def demands_from(rows: list[DemandForm]) -> tuple[DemandRow, ...]:
    """Turn the rows into what is saved, with errors noted at them; rows without title and criteria are left out."""
    found = [_row(row) for row in rows if row.values["title"].strip() or row.values["criteria"].strip()]
    return tuple(row for row in found if row is not None)


def _row(row: DemandForm) -> DemandRow | None:
    title = " ".join(row.values["title"].split())
    criteria = tuple(" ".join(line.split()) for line in row.values["criteria"].splitlines() if line.strip())
    if not title:
        row.errors["title"] = _l("Say what is to be handed in.")
    if len(title) > LONGEST_TITLE:
        row.errors["title"] = _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_TITLE)
    if any(len(one) > LONGEST_CRITERION for one in criteria):
        row.errors["criteria"] = _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_CRITERION)
    if len(criteria) > MOST_CRITERIA:
        row.errors["criteria"] = _l("More than %(limit)s criteria: put some together.", limit=MOST_CRITERIA)
    try:
        kind, lesson_kind = kind_from(row.values["kind"])
    except DomainError as error:
        row.errors["kind"] = error.message
        return None
    if row.errors:
        return None
    return DemandRow(kind, title, lesson_kind, bool(row.values["required"]), criteria)
