"""Dates, hours and names as papers write them, whoever's language the request has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_decimal

from lti_app.core.words import MUNICIPAL_LOCALE

NOTHING = "\N{EN DASH}"
"""What stands in a cell for no hours."""


def long_date(day: date) -> str:
    """Write «10 декабря 2026 г.»."""
    return str(format_date(day, "d MMMM y 'г'.", locale=MUNICIPAL_LOCALE)).replace(" г.", "\N{NO-BREAK SPACE}г.")


def short_date(day: date) -> str:
    """Write «10.12.2026»."""
    return f"{day:%d.%m.%Y}"


def hours(value: Decimal) -> str:
    """Write hours as «1,5»; a dash for none."""
    return str(format_decimal(value, format="0.##", locale=MUNICIPAL_LOCALE)) if value else NOTHING


def lines(text: str) -> list[str]:
    """Return the paragraphs of a text, blank ones left out."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def ended(text: str) -> str:
    """Return ``text`` with a full stop, unless it ends with a sign of its own."""
    text = text.strip()
    return text if not text or text[-1] in ".!?…:;" else f"{text}."


def joined(parts: Iterable[str]) -> str:
    """Join what is not empty with commas."""
    return ", ".join(part for part in parts if part)


def raised(text: str) -> str:
    """Begin with a capital letter, as a line of its own does."""
    return text[:1].upper() + text[1:]


def lowered(text: str) -> str:
    """Begin a position with a small letter, as within a sentence; «МБОУ» and the like stay."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
