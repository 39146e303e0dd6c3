"""The form of an individual plan: what was typed, row by row, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from lti_app.core.errors import DomainError, Text
from lti_app.core.numbers import row_number
from lti_app.core.saving import as_json
from lti_app.plans.content import ItemFacts, PlanFacts
from lti_app.plans.models import IndividualPlan
from lti_app.plans.seats import Seat
from lti_app.programmes.draft_form import HOURS, hours_from
from lti_app.programmes.models import Form

ROW_FIELDS = ("item_id", "title", "topic", "form", "meeting", "starts_on", "ends_on", "hours", "result")
LONGEST = 500
FORMS = frozenset(form.value for form in Form)


@dataclass
class ItemForm:
    """Hold a point as it was typed, under a key of the page, with what is wrong by field. A done one can't change."""

    key: str
    values: dict[str, str]
    is_done: bool = False
    errors: dict[str, Text] = field(default_factory=dict)


@dataclass
class PlanForm:
    """Hold the whole form as it was typed."""

    aim: str
    rows: list[ItemForm]
    revision: int | None

    @property
    def meetings(self) -> set[int]:
        """Return the ids of the meetings on which points stand."""
        return {number for row in self.rows if (number := _number(row.values["meeting"])) is not None}

    @property
    def has_errors(self) -> bool:
        """Tell whether something can't be kept as it stands."""
        return any(row.errors for row in self.rows)


def form_of(plan: IndividualPlan, done: Collection[int]) -> PlanForm:
    """Return the form filled from the plan as it is being written; ``done`` are ids of points that are done."""
    rows = [
        ItemForm(
            str(number),
            {
                "item_id": str(item.id),
                "title": item.title,
                "topic": str(item.topic_id or ""),
                "form": item.form.value if item.form else "",
                "meeting": str(item.meeting_id or ""),
                "starts_on": item.starts_on.isoformat(),
                "ends_on": item.ends_on.isoformat(),
                "hours": _typed(item.hours),
                "result": item.result or "",
            },
            is_done=item.id in done,
        )
        for number, item in enumerate((one for one in plan.items if one.position is not None), start=1)
    ]
    return PlanForm(plan.aim or "", rows, plan.revision)


def _typed(hours: Decimal | None) -> str:
    return "" if hours is None else str(as_json(hours)).replace(".", ",")


def empty_row(key: str, seat: Seat) -> ItemForm:
    """Return a row to be filled in, with the days of the intake."""
    values = dict.fromkeys(ROW_FIELDS, "")
    values["starts_on"], values["ends_on"] = seat.intake.starts_on.isoformat(), seat.intake.ends_on.isoformat()
    return ItemForm(key, values)


def read_form(sent: MultiDict[str, str], done: Collection[int]) -> PlanForm:
    """Read what was sent; rows are in the order in which they stood on the page."""
    rows = [
        ItemForm(key, {name: sent.get(f"{name}_{key}", "").strip() for name in ROW_FIELDS})
        for key in dict.fromkeys(sent.getlist("row"))
    ]
    for row in rows:
        row.is_done = _number(row.values["item_id"]) in done
    return PlanForm(sent.get("aim", "").strip(), rows, sent.get("revision", type=row_number))


def rearranged(form: PlanForm, step: str, seat: Seat) -> PlanForm:
    """Do what a button of the plan asks for without scripts: add, remove, up, down (``verb:key``)."""
    verb, _, key = step.partition(":")
    if verb == "add":
        taken = {row.key for row in form.rows}
        number = len(form.rows) + 1
        while str(number) in taken:
            number += 1
        form.rows.append(empty_row(str(number), seat))
        return form
    place = next((place for place, row in enumerate(form.rows) if row.key == key), None)
    if place is None:
        return form
    if verb == "remove":
        del form.rows[place]
    elif verb == "up" and place > 0:
        form.rows[place - 1], form.rows[place] = form.rows[place], form.rows[place - 1]
    elif verb == "down" and place < len(form.rows) - 1:
        form.rows[place + 1], form.rows[place] = form.rows[place], form.rows[place + 1]
    return form


def facts_from(form: PlanForm, seat: Seat, meeting_titles: Mapping[int, str]) -> PlanFacts:
    """Turn a form into what is saved; rows without title, meeting and result are left out.

    ``meeting_titles`` name a point by its meeting where nothing else was typed. Raises DomainError, with errors noted
    at the rows.
    """
    items = [_item(row, seat, meeting_titles) for row in form.rows if _is_filled(row.values)]
    if form.has_errors:
        raise DomainError(
            "form_has_errors",
            _l("Some fields can't be saved as they stand."),
            remedy=_l("Mend what is marked below. What you typed is still on this page, but not saved yet."),
            field="plan",
        )
    return PlanFacts(form.aim or None, tuple(item for item in items if item is not None))


def _is_filled(values: Mapping[str, str]) -> bool:
    return any(values[name] for name in ("title", "meeting", "result", "topic"))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _item(row: ItemForm, seat: Seat, meeting_titles: Mapping[int, str]) -> ItemFacts | None:
    """Return the point, or None with its errors noted."""
    values, intake = row.values, seat.intake
    meeting = _number(values["meeting"])
    title = " ".join(values["title"].split()) or meeting_titles.get(meeting or 0, "")
    # A meeting's day is its own, and so are its hours.
    starts_on = intake.starts_on if meeting else _day(values["starts_on"])
    ends_on = intake.starts_on if meeting else _day(values["ends_on"] or values["starts_on"])
    hours = hours_from(values["hours"]) if values["hours"] and not meeting else None
    if not title:
        row.errors["title"] = _l("The point has no title.")
    for name, text in (("title", title), ("result", values["result"])):
        if len(text) > LONGEST:
            row.errors[name] = _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST)
    if starts_on is None:
        row.errors["starts_on"] = _l("This isn't a day.")
    if ends_on is None:
        row.errors["ends_on"] = _l("This isn't a day.")
    if starts_on and ends_on and ends_on < starts_on:
        row.errors["ends_on"] = _l("It ends before it begins.")
    elif starts_on and ends_on and not (intake.starts_on <= starts_on and ends_on <= intake.ends_on):
        row.errors["starts_on"] = _l(
            "Outside the days of the intake: %(first)s – %(last)s.",
            first=f"{intake.starts_on:%d.%m.%Y}",
            last=f"{intake.ends_on:%d.%m.%Y}",
        )
    if values["hours"] and not meeting and not hours:
        row.errors["hours"] = HOURS
    if values["form"] and values["form"] not in FORMS:
        row.errors["form"] = _l("Choose the form.")
    if row.errors or starts_on is None or ends_on is None:
        return None
    return ItemFacts(
        title=title,
        starts_on=starts_on,
        ends_on=ends_on,
        topic_id=_number(values["topic"]),
        form=Form(values["form"]) if values["form"] else None,
        meeting_id=meeting,
        hours=hours,
        result=" ".join(values["result"].split()) or None,
        item_id=_number(values["item_id"]),
    )
