"""What is typed of meetings and of a weekly pattern, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from lti_app.core.errors import DomainError, Text
from lti_app.core.numbers import row_number
from lti_app.meetings.models import Meeting
from lti_app.meetings.planning import from_local
from lti_app.meetings.scheduling import LONGEST_HOURS, DraftMeeting, Pattern, TopicToPlan
from lti_app.meetings.terms import MeetingTerms
from lti_app.people.finding import choose_person, find_people
from lti_app.programmes.models import Form, Mode, Topic

ROW_FIELDS = ("day", "at", "minutes", "topic", "form", "mode", "place", "host", "capacity")
PATTERN_FIELDS = ("first_day", "at", "hours", "place", "room_url", "host", "left_out")
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})|(\d{4})-(\d{2})-(\d{2})")
LONGEST_GAP = 366
"""Days of the longest holiday."""
NAMED = 5
"""People named where several are called so."""
AT_FIRST = {"at": "15:00", "hours": "2"}

NO_DAY = _l("This isn't a day.")
NO_TIME = _l("This isn't a time of day.")
NO_NUMBER = _l("This isn't a whole number.")
FIELD_OF = {"starts_at": "day", "place_or_url": "place"}
"""Where a form shows what is wrong with a meeting's facts."""


@dataclass
class MeetingForm:
    """Hold a meeting as it was typed, under a key of the page, with what is wrong by field."""

    key: str
    values: dict[str, str]
    errors: dict[str, Text] = field(default_factory=dict)

    def refuse(self, refusal: DomainError) -> None:
        """Note what forbids keeping the meeting, at its field; the first word on a field stays."""
        name = FIELD_OF.get(refusal.field or "", refusal.field or "day")
        self.errors.setdefault(name, _l("%(what)s %(remedy)s", what=refusal.message, remedy=refusal.remedy))


@dataclass
class PatternForm:
    """Hold a weekly pattern as it was typed; ``topics`` are the ids of those to be planned, ``modes`` theirs."""

    values: dict[str, str]
    weekdays: list[str]
    topics: list[str]
    modes: dict[str, str]
    errors: dict[str, Text] = field(default_factory=dict)


def day_from(text: str) -> date | None:
    """Read a day as a browser sends it or as people write it: 2026-12-10, 10.12.2026; None for what is none."""
    found = DAY.fullmatch(text.strip())
    if found is None:
        return None
    parts = [int(part) for part in found.groups() if part is not None]
    year, month, day = parts if found[4] else parts[::-1]
    try:
        read = date(year, month, day)
    except ValueError:
        return None
    return read if EARLIEST <= read <= LATEST else None


def time_from(text: str) -> time | None:
    """Read a time of day, such as 15:00; None for what is none."""
    found = re.fullmatch(r"(\d{1,2})[:.](\d{2})(?::00)?", text.strip())
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return time(int(found[1]), int(found[2]))


def days_from(text: str) -> frozenset[date] | None:
    """Read days and spans of days («31.12.2026; 01.01.2027–08.01.2027»), set apart by anything; None if unreadable."""
    days: set[date] = set()
    for part in re.split(r"[,;\s]+", re.sub(r"\s*[-–—]\s*(?=\d{1,2}\.)", "–", text.strip())):
        if not part:
            continue
        first, _, last = part.partition("–")
        begins, ends = day_from(first), day_from(last or first)
        if begins is None or ends is None or not 0 <= (ends - begins).days <= LONGEST_GAP:
            return None
        days.update(begins + timedelta(days=number) for number in range((ends - begins).days + 1))
    return frozenset(days)


def read_pattern(sent: MultiDict[str, str]) -> PatternForm:
    """Read the fields of a pattern as they were sent."""
    return PatternForm(
        {name: sent.get(f"pattern_{name}", "").strip() for name in PATTERN_FIELDS},
        sent.getlist("pattern_weekday"),
        sent.getlist("pattern_topic"),
        {name.removeprefix("pattern_mode_"): value for name, value in sent.items() if name.startswith("pattern_mode_")},
    )


def pattern_from(form: PatternForm, first: date, last: date) -> Pattern | None:
    """Return the pattern, or None with its errors noted; it begins within the intake, ``first`` to ``last``."""
    values = form.values
    day, at, left_out = day_from(values["first_day"]), time_from(values["at"]), days_from(values["left_out"])
    hours = _hours(values["hours"])
    weekdays = frozenset(int(one) for one in form.weekdays if one in {"0", "1", "2", "3", "4", "5", "6"})
    if day is None:
        form.errors["first_day"] = NO_DAY
    elif not first <= day <= last:
        form.errors["first_day"] = _l(
            "The meetings begin within the intake: %(first)s – %(last)s.",
            first=f"{first:%d.%m.%Y}",
            last=f"{last:%d.%m.%Y}",
        )
    if at is None:
        form.errors["at"] = NO_TIME
    if hours is None:
        form.errors["hours"] = _l("A meeting has from 0.5 to %(most)s academic hours, in halves.", most=LONGEST_HOURS)
    if left_out is None:
        form.errors["left_out"] = _l("Write days such as 31.12.2026 or spans such as 01.01.2027–08.01.2027.")
    if not weekdays:
        form.errors["weekdays"] = _l("Choose at least one weekday.")
    if not form.topics:
        form.errors["topics"] = _l("Choose at least one topic.")
    if form.errors or day is None or at is None or hours is None or left_out is None:
        return None
    return Pattern(day, weekdays, at, hours, left_out)


def _hours(text: str) -> Decimal | None:
    if not re.fullmatch(r"\d{1,2}([.,]\d{1,2})?", text.strip()):
        return None
    try:
        hours = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return hours if 0 < hours <= LONGEST_HOURS and hours * 2 == (hours * 2).to_integral_value() else None


def topics_from(form: PatternForm, topics: Mapping[int, tuple[Topic, Decimal]]) -> list[TopicToPlan]:
    """Return the topics that were chosen, in the plan's order; ``topics`` gives each with its missing hours."""
    return [
        TopicToPlan(topic.id, topic.form, _mode(form.modes.get(str(topic.id)), topic.mode), hours)
        for topic, hours in topics.values()
        if str(topic.id) in form.topics and hours > 0
    ]


def _mode(text: str | None, otherwise: Mode) -> Mode:
    return Mode(text) if text in {mode.value for mode in Mode} else otherwise


def rows_of(drafted: list[DraftMeeting], pattern: PatternForm) -> list[MeetingForm]:
    """Return the rows of a draft, to be looked over."""
    values = pattern.values
    return [
        MeetingForm(
            str(number),
            {
                "day": one.day.isoformat(),
                "at": f"{one.at:%H:%M}",
                "minutes": str(one.minutes),
                "topic": str(one.topic_id),
                "form": one.form.value,
                "mode": one.mode.value,
                "place": values["room_url"] if one.mode is Mode.DISTANCE else values["place"],
                "host": values["host"],
                "capacity": "",
            },
        )
        for number, one in enumerate(drafted, start=1)
    ]


def read_rows(sent: MultiDict[str, str]) -> list[MeetingForm]:
    """Read the rows that were sent, by day and time as far as these can be read."""
    rows = [
        MeetingForm(key, {name: sent.get(f"{name}_{key}", "").strip() for name in ROW_FIELDS})
        for key in dict.fromkeys(sent.getlist("row"))
    ]
    return sorted(rows, key=lambda row: (row.values["day"] or "9", row.values["at"].rjust(5, "0")))


def read_meeting(sent: MultiDict[str, str]) -> MeetingForm:
    """Read the one meeting of a form."""
    return MeetingForm("", {name: sent.get(name, "").strip() for name in ROW_FIELDS})


def form_of(meeting: Meeting, zone: ZoneInfo) -> MeetingForm:
    """Return the form filled from a meeting."""
    begins = meeting.starts_at.astimezone(zone)
    stands = meeting.room_url if meeting.mode is Mode.DISTANCE else meeting.place
    return MeetingForm(
        "",
        {
            "day": begins.date().isoformat(),
            "at": f"{begins:%H:%M}",
            "minutes": str(meeting.minutes),
            "topic": str(meeting.topic_id),
            "form": meeting.form.value,
            "mode": meeting.mode.value,
            "place": stands or "",
            "host": meeting.host.full_name if meeting.host else "",
            "capacity": str(meeting.capacity or ""),
        },
    )


def copied_row(rows: list[MeetingForm], topic: Topic | None) -> MeetingForm:
    """Return a row to be filled in, like the last one a week later; of ``topic`` where there is none yet."""
    numbers = [int(row.key) for row in rows if row.key.isdecimal() and len(row.key) < 9]
    key = str(max(numbers, default=0) + 1)
    if not rows:
        values = dict.fromkeys(ROW_FIELDS, "")
        values |= {"at": AT_FIRST["at"], "minutes": "90", "mode": Mode.ON_SITE.value, "form": Form.LECTURE.value}
        if topic is not None:
            values |= {"topic": str(topic.id), "form": topic.form.value, "mode": topic.mode.value}
        return MeetingForm(key, values)
    values = dict(rows[-1].values)
    day = day_from(values["day"])
    values["day"] = (day + timedelta(days=7)).isoformat() if day else ""
    return MeetingForm(key, values)


class Hosts:
    """Find who is meant by the names typed in the rows of a form; the same name is looked for once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._known: dict[str, int | DomainError | None] = {}

    def named(self, text: str) -> int | None:
        """Return the person called so, or None for an empty text. Raises DomainError for nobody or several."""
        key = " ".join(text.split())
        if key not in self._known:
            try:
                self._known[key] = self._find(key)
            except DomainError as refusal:
                self._known[key] = refusal
        found = self._known[key]
        if isinstance(found, DomainError):
            raise found
        return found

    def _find(self, text: str) -> int | None:
        found = find_people(self.session, text)
        exact = [one for one in found if one.full_name.casefold() == text.casefold()]
        if len(exact) == 1:
            return exact[0].id
        if len(found) > 1:
            names = "; ".join(
                f"{one.full_name} ({one.organisation.label})" if one.organisation else one.full_name
                for one in found[:5]
            )
            raise DomainError(
                "several_people",
                _l("Several people are called so."),
                remedy=_l("Write the full name, or the e-mail, of the one you mean: %(names)s.", names=names),
                field="host",
            )
        return choose_person(self.session, chosen_id=None, text=text, field="host").person_id


def starts_at_of(form: MeetingForm, zone: ZoneInfo) -> datetime | None:
    """Return when the meeting begins, in UTC; None with its errors noted."""
    day, at = day_from(form.values["day"]), time_from(form.values["at"])
    if day is None:
        form.errors["day"] = NO_DAY
    if at is None:
        form.errors["at"] = NO_TIME
    if day is None or at is None:
        return None
    try:
        return from_local(datetime.combine(day, at), zone)
    except DomainError as refusal:
        form.errors["at"] = _l("%(what)s %(remedy)s", what=refusal.message, remedy=refusal.remedy)
        return None


def terms_from(form: MeetingForm, hosts: Hosts, zone: ZoneInfo) -> MeetingTerms | None:
    """Return what a form says of a meeting, or None with its errors noted."""
    values = form.values
    starts_at = starts_at_of(form, zone)
    minutes = _whole(values["minutes"])
    capacity = _whole(values["capacity"]) if values["capacity"] else None
    if minutes is None:
        form.errors["minutes"] = NO_NUMBER
    if values["capacity"] and capacity is None:
        form.errors["capacity"] = NO_NUMBER
    if values["form"] not in {one.value for one in Form}:
        form.errors["form"] = _l("Choose one that the list offers.")
    if values["mode"] not in {one.value for one in Mode}:
        form.errors["mode"] = _l("Choose one that the list offers.")
    host_id = None
    try:
        host_id = hosts.named(values["host"])
    except DomainError as refusal:
        form.refuse(refusal)
    if form.errors or starts_at is None or minutes is None:
        return None
    return MeetingTerms(
        topic_id=_whole(values["topic"]) or 0,
        form=Form(values["form"]),
        mode=Mode(values["mode"]),
        starts_at=starts_at,
        minutes=minutes,
        place_or_url=values["place"],
        host_id=host_id,
        capacity=capacity,
    )


def _whole(text: str) -> int | None:
    try:
        return row_number(text)
    except ValueError:
        return None
