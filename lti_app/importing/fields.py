"""Cells as people fill them in, turned into values: one marshmallow field for each kind of cell."""

from __future__ import annotations

import abc
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flask_babel import lazy_gettext as _l
from marshmallow import ValidationError, fields, validate
from openpyxl.utils.datetime import from_excel

from lti_app.core.errors import Text as Message
from lti_app.core.words import plain

ERROR_VALUES = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#Н/Д", "#ССЫЛКА!", "#ЗНАЧ!"}
)
"""What a spreadsheet shows in place of a value that it could not compute."""
EARLIEST, LATEST = date(1950, 1, 1), date(2100, 1, 1)
_email = validate.Email()


@dataclass(frozen=True)
class Wrong:
    """Say what is wrong with a cell, and what to write instead."""

    message: Message
    remedy: Message
    code: str = "bad_value"


def wrong(message: Message, remedy: Message, code: str = "bad_value") -> ValidationError:
    """Build the error that a cell raises."""
    return ValidationError([Wrong(message, remedy, code)])


EMPTY = [Wrong(_l("The cell is empty."), _l("This column must be filled in."), "empty")]
MUST = {"required": EMPTY, "null": EMPTY}


class Cell(fields.Field[Any], abc.ABC):
    """Know the headings by which the column is found, and refuse a spreadsheet's error values."""

    def __init__(self, *titles: str, optional: bool = False) -> None:
        super().__init__(
            required=not optional,
            allow_none=optional,
            error_messages=MUST,  # type: ignore[arg-type]
            metadata={"titles": titles},
        )

    def _deserialize(self, value: Any, *_where: Any, **_how: Any) -> Any:
        if isinstance(value, str) and value.upper() in ERROR_VALUES:
            raise wrong(
                _l("The spreadsheet could not compute this cell."), _l("Write the value itself instead of a formula.")
            )
        return self.read(value)

    @abc.abstractmethod
    def read(self, value: Any) -> Any:
        """Turn a cleaned cell (never empty) into a value. Raises ValidationError with Wrong."""


class Text(Cell):
    """Read text of at most ``longest`` characters; ``lines`` keeps its lines apart."""

    def __init__(self, longest: int, *titles: str, optional: bool = False, lines: bool = False) -> None:
        super().__init__(*titles, optional=optional)
        self.longest = longest
        self.lines = lines

    def read(self, value: Any) -> str:
        """Return the text; a number as its digits."""
        if isinstance(value, date):
            raise wrong(
                _l("The spreadsheet has turned this into a date."),
                _l("Format the column as text and write the value anew."),
            )
        text = str(value) if self.lines else " ".join(str(value).split())
        if len(text) > self.longest:
            raise wrong(
                _l("The text has %(length)s characters.", length=len(text)),
                _l("Shorten it to %(longest)s characters.", longest=self.longest),
            )
        if any(ord(character) < 32 and character != "\n" for character in text):
            raise wrong(_l("The text holds control characters."), _l("Write the value anew."))
        return text


class Email(Text):
    """Read an e-mail address."""

    def read(self, value: Any) -> str:
        """Return the address as written."""
        text = super().read(value)
        try:
            _email(text)
        except ValidationError:
            raise wrong(
                _l("This is not an e-mail address."), _l("Write one address such as ivanova@example.org.")
            ) from None
        return text


class Whole(Cell):
    """Read a whole number above zero."""

    def __init__(self, most: int, *titles: str, optional: bool = False) -> None:
        super().__init__(*titles, optional=optional)
        self.most = most

    def read(self, value: Any) -> int:
        """Return the number."""
        number = _number(value)
        if number is None or number != number.to_integral_value() or not 0 < number <= self.most:
            raise wrong(
                _l("This is not a whole number from 1 to %(most)s.", most=self.most),
                _l("Write digits only, such as 25."),
            )
        return int(number)


class AcademicHours(Cell):
    """Read academic hours: above zero, at most two decimals."""

    def read(self, value: Any) -> Decimal:
        """Return the hours."""
        number = _number(value)
        if number is None or not 0 < number <= 10_000 or number * 100 != (number * 100).to_integral_value():
            raise wrong(
                _l("This is not a number of academic hours above zero."), _l("Write a number such as 2 or 1.5.")
            )
        return number


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).replace(" ", "").replace(",", ".")
    if not re.fullmatch(r"[+-]?\d{1,9}(\.\d{1,9})?", text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


class Day(Cell):
    """Read a date: 2026-12-01, 01.12.2026, or a spreadsheet's own date."""

    def read(self, value: Any) -> date:
        """Return the date."""
        day = _day(value)
        if day is None:
            raise wrong(_l("This is not a date."), _l("Write it as 01.12.2026 or 2026-12-01."))
        if not EARLIEST <= day < LATEST:
            raise wrong(_l("The year can't be right."), _l("Write it as 01.12.2026 or 2026-12-01."))
        return day


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date() if value.time() == datetime.min.time() else None
    if isinstance(value, date):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _serial(value)
    moment = _moment(value, ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%Y-%m-%d 00:00:00"))
    return moment.date() if moment else None


def _serial(value: int) -> date | None:
    """Read the number by which Excel keeps a date whose cell isn't formatted as one."""
    if not 18264 <= value < 73051:
        return None
    moment = from_excel(value)
    return moment.date() if isinstance(moment, datetime) else None


def _moment(value: Any, formats: tuple[str, ...]) -> datetime | None:
    text = re.sub(r"\s*(г\.?|года)$", "", str(value))
    for pattern in formats:
        try:
            # Local on purpose: the zone is the municipality's and is attached by the meeting's rules.
            return datetime.strptime(text, pattern)  # noqa: DTZ007
        except ValueError:
            continue
    return None


class LocalMoment(Cell):
    """Read a local date and time: 2026-12-01 15:00, 01.12.2026 15:00, or a spreadsheet's own."""

    def read(self, value: Any) -> datetime:
        """Return a naive local moment, seconds cut off."""
        if isinstance(value, datetime):
            moment: datetime | None = value
        else:
            text = str(value).replace(",", " ").replace(" в ", " ") if isinstance(value, str) else ""
            days, times = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"), ("%H:%M", "%H:%M:%S", "%H.%M")
            formats = tuple(f"{day}{gap}{clock}" for day in days for clock in times for gap in (" ", "T"))
            moment = _moment(" ".join(text.split()), formats)
        if moment is None:
            told = _l("There is no time of day.") if _day(value) else _l("This is not a date with a time.")
            raise wrong(told, _l("Write local day and time as 01.12.2026 15:00."))
        if not EARLIEST <= moment.date() < LATEST:
            raise wrong(_l("The year can't be right."), _l("Write local day and time as 01.12.2026 15:00."))
        return moment.replace(second=0)


class OneOf(Cell):
    """Read one of the values of an enumeration, by its code or a word for it."""

    def __init__(
        self, kind: type[enum.StrEnum], words: Mapping[Any, tuple[str, ...]], *titles: str, optional: bool = False
    ) -> None:
        super().__init__(*titles, optional=optional)
        self.known = {plain(member.value): member for member in kind}
        self.known |= {plain(word): member for member, names in words.items() for word in names}
        self.shown = ", ".join(words[member][0] for member in kind)

    def read(self, value: Any) -> enum.StrEnum:
        """Return the member."""
        member = self.known.get(plain(value))
        if member is None:
            raise wrong(_l("This word is not known here."), _l("Write one of: %(words)s.", words=self.shown))
        return member


class YesNo(Cell):
    """Read yes or no."""

    WORDS = {
        **dict.fromkeys(("да", "yes", "true", "1", "+", "есть", "истина"), True),
        **dict.fromkeys(("нет", "no", "false", "0", "-", "ложь"), False),
    }

    def read(self, value: Any) -> bool:
        """Return the answer."""
        answer = self.WORDS.get(plain(value))
        if answer is None:
            raise wrong(_l("This is neither yes nor no."), _l("Write yes or no (да or нет)."))
        return answer
