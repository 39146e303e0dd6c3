"""What a plan says: the text that two sides agree on, as JSON that is frozen, and as lines that people compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.saving import as_json
from lti_app.core.words import in_municipal_language
from lti_app.plans.models import IndividualPlan, PlanItem
from lti_app.programmes.comparing import Piece, pieces
from lti_app.programmes.models import FORM_NAMES, Form

OWN_WORK: Text = _l("independent work")
"""What a point is called that has no form of clause 5.1."""


@dataclass(frozen=True)
class ItemFacts:
    """Hold a point of a plan as it is typed. Local dates, academic hours; ``item_id`` names a row that is there."""

    title: str
    starts_on: date
    ends_on: date
    topic_id: int | None = None
    form: Form | None = None
    meeting_id: int | None = None
    hours: Decimal | None = None
    result: str | None = None
    item_id: int | None = None


@dataclass(frozen=True)
class PlanFacts:
    """Hold the text of a plan as it is typed, points in order."""

    aim: str | None
    items: tuple[ItemFacts, ...]


@dataclass(frozen=True)
class Point:
    """Hold a point as it stands in a frozen text."""

    item_id: int
    title: str
    starts_on: date
    ends_on: date
    topic_id: int | None
    form: Form | None
    meeting_id: int | None
    hours: Decimal | None
    result: str | None

    def as_facts(self) -> ItemFacts:
        """Return the point as it would be typed."""
        return ItemFacts(
            title=self.title,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            topic_id=self.topic_id,
            form=self.form,
            meeting_id=self.meeting_id,
            hours=self.hours,
            result=self.result,
            item_id=self.item_id,
        )


@dataclass(frozen=True)
class PointChange:
    """Show what became of a point between two texts."""

    kind: Literal["added", "removed", "changed"]
    text: tuple[Piece, ...]


@dataclass(frozen=True)
class PlanComparison:
    """Show all that differs between two texts of a plan."""

    aim: tuple[Piece, ...]
    """Empty where it is the same."""
    points: tuple[PointChange, ...]
    is_moved: bool
    """The same points stand in another order."""

    @property
    def is_same(self) -> bool:
        """Tell whether both texts say the same."""
        return not self.aim and not self.points and not self.is_moved


def content_of(plan: IndividualPlan) -> dict[str, Any]:
    """Return the text of a plan as it stands, as JSON: ``aim``, and ``items`` in order with the ids of their rows."""
    return {"aim": plan.aim or "", "items": [_as_json(item) for item in plan.items if item.position is not None]}


def _as_json(item: PlanItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "title": item.title,
        "starts_on": as_json(item.starts_on),
        "ends_on": as_json(item.ends_on),
        "topic_id": item.topic_id,
        "form": as_json(item.form),
        "meeting_id": item.meeting_id,
        "hours": as_json(item.hours),
        "result": item.result,
    }


def points_of(content: Mapping[str, Any]) -> list[Point]:
    """Read the points of a frozen text."""
    return [
        Point(
            item_id=item["id"],
            title=item["title"],
            starts_on=date.fromisoformat(item["starts_on"]),
            ends_on=date.fromisoformat(item["ends_on"]),
            topic_id=item["topic_id"],
            form=Form(item["form"]) if item["form"] else None,
            meeting_id=item["meeting_id"],
            hours=Decimal(item["hours"]) if item["hours"] else None,
            result=item["result"],
        )
        for item in content["items"]
    ]


def form_words(form: Form | None) -> Text:
    """Name the form of a point."""
    return OWN_WORK if form is None else FORM_NAMES[form]


def text_of(items: Iterable[ItemFacts | Point]) -> str:
    """Write points as text, a line each, for the audit and for two texts side by side."""
    return "\n".join(f"{number}. {line_of(item)}" for number, item in enumerate(items, start=1))


def line_of(item: ItemFacts | Point) -> str:
    """Write a point as a line."""
    days = f"{item.starts_on:%d.%m.%Y}"
    if item.ends_on != item.starts_on:
        days += f"–{item.ends_on:%d.%m.%Y}"
    parts = [item.title, in_municipal_language(form_words(item.form)), days]
    if item.hours is not None:
        parts.append(f"{str(as_json(item.hours)).replace('.', ',')} ак. ч")
    if item.meeting_id is not None:
        parts.append("общее занятие")
    if item.result:
        parts.append(item.result)
    return ", ".join(parts)


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> PlanComparison:
    """Compare two texts of one plan; a point is known by its row."""
    old, new = points_of(before), points_of(after)
    was, now = {one.item_id: one for one in old}, {one.item_id: one for one in new}
    changes = [
        PointChange("changed", pieces(line_of(was[one.item_id]), line_of(one)))
        if one.item_id in was
        else PointChange("added", (Piece("added", line_of(one)),))
        for one in new
        if was.get(one.item_id) != one
    ]
    changes += [PointChange("removed", (Piece("removed", line_of(one)),)) for one in old if one.item_id not in now]
    aim = pieces(before["aim"], after["aim"]) if before["aim"] != after["aim"] else ()
    return PlanComparison(aim, tuple(changes), _order(old, now) != _order(new, was))


def _order(points: Sequence[Point], others: Mapping[int, Point]) -> list[int]:
    return [one.item_id for one in points if one.item_id in others]
