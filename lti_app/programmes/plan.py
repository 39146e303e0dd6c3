"""Totals of a thematic plan: by form of 5.1, by mode, and in the columns of the printed plan. Academic hours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from lti_app.programmes.models import Form, Mode, Topic


@dataclass(frozen=True)
class Totals:
    """Hold sums of a plan."""

    total: Decimal
    by_form: dict[Form, Decimal]
    by_mode: dict[Mode, Decimal]
    lectures: Decimal
    practice: Decimal
    independent: Decimal
    distance: Decimal


def parts_of(topic: Topic) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Return a topic's hours as the printed plan divides them: lectures, practice, independent work, at a distance.

    Independent work is taken off the hours first; what is left is lectures for the form «lecture» and practice for
    every other; hours at a distance are counted beside these, as part of the whole.
    """
    led = topic.hours - topic.independent_hours
    lectures = led if topic.form is Form.LECTURE else Decimal(0)
    distance = topic.hours if topic.mode is Mode.DISTANCE else Decimal(0)
    return lectures, led - lectures, topic.independent_hours, distance


def totals_of(topics: Iterable[Topic]) -> Totals:
    """Return the sums of a plan."""
    plan = list(topics)
    by_form: dict[Form, Decimal] = {}
    by_mode: dict[Mode, Decimal] = {}
    for topic in plan:
        by_form[topic.form] = by_form.get(topic.form, Decimal(0)) + topic.hours
        by_mode[topic.mode] = by_mode.get(topic.mode, Decimal(0)) + topic.hours
    columns = [sum(column, Decimal(0)) for column in zip(*map(parts_of, plan), strict=True)] or [Decimal(0)] * 4
    return Totals(sum(by_form.values(), Decimal(0)), by_form, by_mode, *columns)
