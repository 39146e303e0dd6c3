"""Lists of who was in a room, as any provider exports them: which column is which, and what the cells say. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lti_app.core.words import plain
from lti_app.meetings.stays import united

COLUMNS = ("name", "last_name", "first_name", "middle_name", "email", "number", "joined", "left", "minutes")
"""What a column can be, in the order in which it is asked for."""
WORDS: dict[str, tuple[str, ...]] = {
    "last_name": ("фамилия", "last name", "surname", "lastname"),
    "first_name": ("имя", "first name", "given name", "firstname"),
    "middle_name": ("отчество", "middle name", "patronymic"),
    "name": (
        "фио", "имя участника", "фамилия имя", "фамилия имя отчество", "участник", "пользователь", "имя пользователя",
        "отображаемое имя", "name", "full name", "name original name", "user name", "username", "display name",
        "participant", "attendee", "nickname", "имя и фамилия", "имя фамилия", "полное имя",
    ),
    "email": (
        "e-mail", "email", "почта", "электронная почта", "эл почта", "адрес электронной почты", "user email",
        "email address", "participant id upn", "логин", "mail",
    ),
    "number": ("idnumber", "id number", "табельный номер", "индивидуальный номер", "externalid", "external id"),
    "joined": (
        "время входа", "вход", "вошел", "подключился", "время подключения", "начало", "join time", "joined at",
        "first join", "joined", "start time", "время присоединения", "дата входа", "подключение",
    ),
    "left": (
        "время выхода", "выход", "вышел", "отключился", "время отключения", "конец", "leave time", "left at",
        "last leave", "left", "end time", "дата выхода", "отключение", "окончание",
    ),
    "minutes": (
        "длительность", "продолжительность", "время участия", "время на встрече", "минут", "минуты", "duration",
        "duration minutes", "time in meeting", "in-meeting duration", "total duration minutes", "время присутствия",
        "online", "длительность мин", "duration min", "время в комнате", "attended minutes",
    ),
}  # fmt: skip
DATE_TIMES = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y, %H:%M:%S", "%d.%m.%Y, %H:%M", "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M",
)  # fmt: skip
SLASHED = ("%d/%m/%Y", "%m/%d/%Y", "%m/%d/%y", "%d/%m/%y")
CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
LONGEST_MINUTES = 24 * 60
SENSIBLE_YEARS = range(2000, 2200)
"""Of other years no list is; and to such moments nothing can be added at the ends of the calendar."""
SPACES = re.compile(r"[\u00a0\u202f\s]+")

Span = tuple[datetime, datetime]


@dataclass
class ListedPerson:
    """Hold somebody on the list: all rows that name the same number, else e-mail, else name.

    ``spans`` are the times in the room that the list gives, in UTC; ``minutes`` those of rows that give a length alone;
    ``is_whole`` where a row says only that they were there.
    """

    name: str
    email: str
    number: str
    rows: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    minutes: float = 0
    is_whole: bool = False
    unread: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Return what decisions are kept under: the first row in the file."""
        return str(self.rows[0])


def signature(headings: Sequence[str]) -> str:
    """Return what is remembered of headings: SHA-256 of their words, hex."""
    return hashlib.sha256(json.dumps([plain(one) for one in headings]).encode()).hexdigest()


def guess(headings: Sequence[str]) -> dict[str, int]:
    """Guess which column is which: by whole headings first, then by how they begin."""
    found: dict[str, int] = {}
    words = [plain(heading) for heading in headings]
    for fits in (_is_word, _begins_with_word):
        for name in WORDS:
            if name in found:
                continue
            place = next((n for n, one in enumerate(words) if n not in found.values() and fits(one, name)), None)
            if place is not None:
                found[name] = place
    if "name" in found and "last_name" in found:
        del found["name"]  # the parts say more
    if "first_name" in found and "last_name" not in found:
        alone = found.pop("first_name")
        found.setdefault("name", alone)  # «Имя» by itself is the whole name as a rule
    return found


def _is_word(heading: str, name: str) -> bool:
    return heading in WORDS[name]


def _begins_with_word(heading: str, name: str) -> bool:
    return any(heading.startswith(f"{word} ") for word in WORDS[name])


def is_enough(columns: Mapping[str, int]) -> bool:
    """Tell whether people can be told by these columns."""
    return not {"name", "last_name", "email", "number"}.isdisjoint(columns)


def people_of(
    rows: Iterable[Sequence[Any]], columns: Mapping[str, int], headings: Sequence[str], *, day: date, zone: ZoneInfo
) -> list[ListedPerson]:
    """Read the rows, [number in the file, cells], into people. ``day`` is the meeting's local date."""
    length = plain(headings[columns["minutes"]]) if "minutes" in columns else ""
    in_seconds = "сек" in length or "sec" in length
    people: dict[str, ListedPerson] = {}
    for number, cells in rows:
        values = {name: _text(cells[place]) if place < len(cells) else "" for name, place in columns.items()}
        name = values.get("name") or " ".join(
            filter(None, (values.get(part, "") for part in ("last_name", "first_name", "middle_name")))
        )
        email, own_number = values.get("email", ""), values.get("number", "")
        email = email if "@" in email else ""
        if not any(_text(cell) for cell in cells):
            continue
        identity = next((part for part in (own_number, email.casefold(), plain(name)) if part), f"row {number}")
        person = people.setdefault(identity, ListedPerson(name, email, own_number))
        person.rows.append(int(number))
        _add_time(person, values, day=day, zone=zone, in_seconds=in_seconds)
    return list(people.values())


def _add_time(person: ListedPerson, values: Mapping[str, str], *, day: date, zone: ZoneInfo, in_seconds: bool) -> None:
    read: dict[str, datetime | None] = {}
    for name in ("joined", "left"):
        text = values.get(name, "")
        read[name] = moment_of(text, day, zone) if text else None
        if text and read[name] is None:
            person.unread.append(text)
    length = values.get("minutes", "")
    minutes = minutes_of(length, in_seconds=in_seconds) if length else None
    if length and minutes is None:
        person.unread.append(length)
    joined, left = read["joined"], read["left"]
    if joined and left and joined <= left:
        person.spans.append((joined, left))
    elif joined and minutes is not None:
        person.spans.append((joined, joined + timedelta(minutes=minutes)))
    elif left and minutes is not None:
        person.spans.append((left - timedelta(minutes=minutes), left))
    elif minutes is not None:
        person.minutes += minutes
    elif joined and not left:
        person.spans.append((joined, joined + timedelta(minutes=LONGEST_MINUTES)))  # until the end of the meeting
    elif not any(values.get(name) for name in ("joined", "left", "minutes")):
        person.is_whole = True


def moment_of(text: str, day: date, zone: ZoneInfo) -> datetime | None:
    """Read a moment; local in ``zone`` unless it tells its own distance from UTC. A time alone is of ``day``."""
    text = SPACES.sub(" ", text).strip()
    read: datetime | None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = _written(text, day)
    if read is None or read.year not in SENSIBLE_YEARS:
        return None
    if read.tzinfo is None:
        read = read.replace(tzinfo=zone)
    return read.astimezone(UTC)


def _written(text: str, day: date) -> datetime | None:
    clock = _strptime(text, CLOCKS)
    if clock is not None:
        return datetime.combine(day, clock.time())
    found = _strptime(text, DATE_TIMES)
    if found is not None:
        return found
    first, _, rest = text.partition(" ")
    dates = [one.date() for one in (_strptime(first.rstrip(","), (way,)) for way in SLASHED) if one is not None]
    clock = _strptime(rest, CLOCKS)
    if not dates or clock is None:
        return None
    # 11/12/2026 is of November or of December: whichever is the meeting's day.
    return datetime.combine(day if day in dates else dates[0], clock.time())


def _strptime(text: str, ways: Sequence[str]) -> datetime | None:
    for way in ways:
        try:
            return datetime.strptime(text, way)  # noqa: DTZ007 - the zone is attached by the caller
        except ValueError:
            continue
    return None


def minutes_of(text: str, *, in_seconds: bool = False) -> float | None:
    """Read a length in minutes: 74, 1:14:00, 01:14, «1 ч 14 мин», 1h 14m 5s. None where it is none, or beyond a day."""
    text = text.strip().lower()
    if re.fullmatch(r"\d{1,6}(?:[.,]\d+)?", text):
        number = float(text.replace(",", "."))
        minutes: float | None = number / 60 if in_seconds else number
    elif clock := re.fullmatch(r"(\d{1,3}):(\d{2})(?::(\d{2}))?", text):
        first, second = int(clock[1]), int(clock[2])
        if clock[3] is None and first > 12:  # nobody is in a room for 45 hours: 45:12 is of minutes and seconds
            minutes = first + second / 60
        else:
            minutes = first * 60 + second + int(clock[3] or 0) / 60
    else:
        minutes = _worded(text)
    return minutes if minutes is not None and 0 <= minutes <= LONGEST_MINUTES else None


def _worded(text: str) -> float | None:
    parts = re.findall(r"(\d{1,5})\s*([a-zа-яё]+)\.?", text)
    if not parts or re.sub(r"\d{1,5}\s*[a-zа-яё]+\.?", "", text).strip(" ,"):
        return None
    sizes = {"ч": 60, "h": 60, "м": 1, "m": 1, "с": 1 / 60, "s": 1 / 60}
    if any(word[0] not in sizes for _number, word in parts):
        return None
    return sum(int(number) * sizes[word[0]] for number, word in parts)


def _text(cell: Any) -> str:
    return SPACES.sub(" ", str(cell)).strip() if cell is not None else ""


def as_text(cell: Any, longest: int) -> str | None:
    """Return a cell as it is kept: dates in ISO 8601, times and lengths as written, cut to ``longest`` characters."""
    if cell is None:
        return None
    if isinstance(cell, datetime | date | time):
        return cell.isoformat(" ") if isinstance(cell, datetime) else cell.isoformat()
    return str(cell)[:longest]


def spans_at(person: ListedPerson, *, starts_at: datetime, ends_at: datetime) -> list[Span]:
    """Return when a person was at the meeting by the list: within its time, apart from one another, by time.

    Minutes without a clock count from the start; who is only named was there throughout.
    """
    if person.is_whole:
        return [(starts_at, ends_at)]
    spans = [(max(begin, starts_at), min(end, ends_at)) for begin, end in person.spans]
    if person.minutes:
        spans.append((starts_at, min(ends_at, starts_at + timedelta(minutes=person.minutes))))
    return united(spans)
