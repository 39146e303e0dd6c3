"""The editor's form: what was typed, row by row, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict

from lti_app.core.errors import DomainError, Text
from lti_app.core.numbers import row_number
from lti_app.core.saving import as_json
from lti_app.programmes.demand_form import (
    DemandForm,
    demand_forms_of,
    demands_from,
    demands_rearranged,
    read_demand_forms,
)
from lti_app.programmes.drafts import TEXTS, DraftFacts, PlanRow
from lti_app.programmes.models import Form, Mode, ProgrammeVersion
from lti_app.programmes.scale import FEWEST_STEPS, LONGEST_STEP, MOST_STEPS, scale_lines

ROW_FIELDS = ("topic_id", "title", "form", "mode", "hours", "independent", "control", "content")
LONGEST = {"title": 500, "direction": 300, "control": 200, "competence": 500}
MOST_HOURS = Decimal(10_000)
NUMBER = re.compile(r"\d{1,20}(?:\.\d{1,20})?")
"""Decimal itself takes «1_0» and «1e-999999999» as well, the latter for more than nothing."""
FORMS = frozenset(form.value for form in Form)
MODES = frozenset(mode.value for mode in Mode)


@dataclass
class RowForm:
    """Hold a row of the plan as it was typed, under a key of the page, with what is wrong by field."""

    key: str
    values: dict[str, str]
    errors: dict[str, Text] = field(default_factory=dict)


@dataclass
class DraftForm:
    """Hold the whole form as it was typed, with what is wrong by field."""

    values: dict[str, str]
    competences: str
    rows: list[RowForm]
    revision: int | None
    errors: dict[str, Text] = field(default_factory=dict)
    demands: list[DemandForm] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        """Tell whether something can't be saved as it stands."""
        return bool(self.errors) or any(row.errors for row in self.rows) or any(row.errors for row in self.demands)


def hours_from(text: str) -> Decimal | None:
    """Read hours as people write them («1,5», «1.5»); None for what are none. Hundredths are the finest."""
    number = text.strip().replace(",", ".").replace("\N{NO-BREAK SPACE}", "")
    if not NUMBER.fullmatch(number):
        return None
    value = Decimal(number)
    if not value < MOST_HOURS or value * 100 != (value * 100).to_integral_value():
        return None
    return value


def form_of(version: ProgrammeVersion) -> DraftForm:
    """Return the form filled from a version."""
    values = {name: getattr(version, name) or "" for name in TEXTS}
    values["hours"], values["hours_needed"] = _typed(version.hours), _typed(version.hours_needed)
    values["needs_completion"] = "yes" if version.needs_completion else ""
    rows = [
        RowForm(
            str(number),
            {
                "topic_id": str(topic.id),
                "title": topic.title,
                "form": topic.form.value,
                "mode": topic.mode.value,
                "hours": _typed(topic.hours),
                "independent": _typed(topic.independent_hours) if topic.independent_hours else "",
                "control": topic.control or "",
                "content": topic.content or "",
            },
        )
        for number, topic in enumerate(version.topics, start=1)
    ]
    competences = "\n".join(one.text for one in version.competences)
    return DraftForm(values, competences, rows, version.revision, demands=demand_forms_of(version))


def _typed(hours: Decimal) -> str:
    return str(as_json(hours)).replace(".", ",")


def empty_row(key: str) -> RowForm:
    """Return a row to be filled in."""
    values = dict.fromkeys(ROW_FIELDS, "")
    return RowForm(key, {**values, "form": Form.LECTURE.value, "mode": Mode.ON_SITE.value})


def read_form(sent: MultiDict[str, str]) -> DraftForm:
    """Read what was sent; rows are in the order in which they stood on the page."""
    rows = [
        RowForm(key, {name: sent.get(f"{name}_{key}", "") for name in ROW_FIELDS})
        for key in dict.fromkeys(sent.getlist("row"))
    ]
    values = {name: sent.get(name, "").strip() for name in (*TEXTS, "hours", "hours_needed", "needs_completion")}
    revision = sent.get("revision", type=row_number)
    return DraftForm(values, sent.get("competences", ""), rows, revision, demands=read_demand_forms(sent))


def rearranged(form: DraftForm, step: str) -> DraftForm:
    """Do what a button of plan or products asks for without scripts: add, remove, up, down (``verb:key``)."""
    verb, _, key = step.partition(":")
    if verb.endswith("-demand"):
        demands_rearranged(form.demands, verb, key)
        return form
    if verb == "add":
        taken = {row.key for row in form.rows}
        number = len(form.rows) + 1
        while str(number) in taken:
            number += 1
        form.rows.append(empty_row(str(number)))
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


def facts_from(form: DraftForm) -> DraftFacts:
    """Turn a form into what is saved; empty rows are left out. Raises DomainError, with errors noted at the rows."""
    values = form.values
    hours, needed = hours_from(values["hours"]), hours_from(values["hours_needed"] or values["hours"])
    if hours is None or hours == 0:
        form.errors["hours"] = HOURS
    if needed is None or needed == 0:
        form.errors["hours_needed"] = HOURS
    for name in ("title", "direction"):
        if len(values[name]) > LONGEST[name]:
            form.errors[name] = _too_long(LONGEST[name])
    competences = tuple(" ".join(line.split()) for line in form.competences.splitlines() if line.strip())
    if any(len(one) > LONGEST["competence"] for one in competences):
        form.errors["competences"] = _too_long(LONGEST["competence"])
    scale = scale_lines(values["rating_scale"])
    if scale and not all(len(line) <= LONGEST_STEP for line in scale):
        form.errors["rating_scale"] = _too_long(LONGEST_STEP)
    elif scale and not FEWEST_STEPS <= len(scale) <= MOST_STEPS:
        form.errors["rating_scale"] = _l(
            "A scale has from %(fewest)s to %(most)s lines.", fewest=FEWEST_STEPS, most=MOST_STEPS
        )
    values["rating_scale"] = "\n".join(scale)
    rows = [_row(row) for row in form.rows if _is_filled(row.values)]
    demands = demands_from(form.demands)
    if form.has_errors or hours is None or needed is None:
        raise DomainError(
            "form_has_errors",
            _l("Some fields can't be saved as they stand."),
            remedy=_l("Mend what is marked below. What you typed is still on this page, but not saved yet."),
            field=next(iter(form.errors), "plan"),
        )
    return DraftFacts(
        title=values["title"],
        hours=hours,
        hours_needed=needed,
        needs_completion=bool(values["needs_completion"]),
        texts={name: values[name] or None for name in TEXTS if name != "title"},
        competences=competences,
        rows=tuple(row for row in rows if row is not None),
        demands=demands,
    )


HOURS = _l("Hours are a number above zero, such as 1.5 or 24.")


def _too_long(limit: int) -> Text:
    words: Text = _l("Longer than %(limit)s characters: say it shorter.", limit=limit)
    return words


def _is_filled(values: Mapping[str, Any]) -> bool:
    return any(values[name].strip() for name in ("title", "hours", "independent", "control", "content"))


def _row(row: RowForm) -> PlanRow | None:
    """Return the row's facts, or None with its errors noted."""
    values = row.values
    title = " ".join(values["title"].split())
    hours, independent = hours_from(values["hours"]), hours_from(values["independent"] or "0")
    if not title:
        row.errors["title"] = _l("The topic has no title.")
    if len(title) > LONGEST["title"]:
        row.errors["title"] = _too_long(LONGEST["title"])
    if hours is None or hours == 0:
        row.errors["hours"] = HOURS
    if independent is None or (hours is not None and independent > hours):
        row.errors["independent"] = _l("Independent work is at most the topic's hours.")
    if len(values["control"].strip()) > LONGEST["control"]:
        row.errors["control"] = _too_long(LONGEST["control"])
    if values["form"] not in FORMS or values["mode"] not in MODES:
        row.errors["form"] = _l("Choose the form and where it takes place.")
    if row.errors or hours is None or independent is None:
        return None
    return PlanRow(
        title=title,
        form=Form(values["form"]),
        mode=Mode(values["mode"]),
        hours=hours,
        independent_hours=independent,
        control=values["control"].strip() or None,
        content=values["content"].strip() or None,
        topic_id=int(values["topic_id"]) if values["topic_id"].isdecimal() and len(values["topic_id"]) < 10 else None,
    )
