"""Dates, times, lengths and hours as pages show them, in the reader's language and the municipality's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent
from flask import Flask
from flask_babel import get_locale, gettext, ngettext

from lti_app.core import edge
from lti_app.core.words import hours_words
from lti_app.web.zones import ZONE_NAMES

MINUTES_IN_HOUR = 60


def _locale() -> str:
    return str(get_locale() or "en")


def local(value: datetime, zone: ZoneInfo) -> datetime:
    """Return an aware moment in ``zone``. Raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("naive datetime; attach a zone first")
    return value.astimezone(zone)


def clock_time(value: datetime, *, zone: ZoneInfo) -> str:
    """Return the time of day: «15:00»."""
    return str(format_time(local(value, zone), "HH:mm", locale=_locale()))


def day(value: date, *, today: date) -> str:
    """Return a date with its weekday, and with its year unless that is this year's: «чт, 10 декабря»."""
    pattern = "EEE, d MMMM" if value.year == today.year else "EEE, d MMMM y"
    return format_date(value, pattern, locale=_locale())


def this_day(value: date, *, zone: ZoneInfo, now: datetime) -> str:
    """Return a local date with its weekday: «чт, 10 декабря»."""
    return day(value, today=local(now, zone).date())


def is_today(value: datetime, *, zone: ZoneInfo, now: datetime) -> bool:
    """Tell whether a moment is on today's local date."""
    return local(value, zone).date() == local(now, zone).date()


def full_day(value: date) -> str:
    """Return a date as papers give it: «26 ноября 2026 г.»."""
    pattern = "d MMMM y 'г.'" if _locale() == "ru" else "d MMMM y"
    return str(format_date(value, pattern, locale=_locale()))


def month_name(value: date) -> str:
    """Name a month: «ноябрь»."""
    return str(format_date(value, "LLLL", locale=_locale()))


def short_day(value: datetime, *, zone: ZoneInfo) -> str:
    """Return a local date for the head of a narrow column: «10.12»."""
    return str(format_date(local(value, zone), "dd.MM" if _locale() == "ru" else "d MMM", locale=_locale()))


def moment(value: datetime, *, zone: ZoneInfo, now: datetime) -> str:
    """Return a date with time: «чт, 10 декабря, 15:00»."""
    here = local(value, zone)
    return f"{day(here.date(), today=local(now, zone).date())}, {clock_time(value, zone=zone)}"


def period(starts_at: datetime, ends_at: datetime, *, zone: ZoneInfo, now: datetime) -> str:
    """Return when something begins and ends: «чт, 10 декабря, 15:00–16:30»."""
    begins, ends = local(starts_at, zone), local(ends_at, zone)
    end = clock_time(ends_at, zone=zone) if begins.date() == ends.date() else moment(ends_at, zone=zone, now=now)
    dash = "–" if begins.date() == ends.date() else " – "
    return f"{moment(starts_at, zone=zone, now=now)}{dash}{end}"


def term(starts_on: date, ends_on: date) -> str:
    """Return the first and last day of something long: «25 сентября – 23 января 2027»; of a single day, that day."""
    if starts_on == ends_on:
        return str(format_date(ends_on, "d MMMM y", locale=_locale()))
    first = "d MMMM" if starts_on.year == ends_on.year else "d MMMM y"
    begins = format_date(starts_on, first, locale=_locale())
    return f"{begins} – {format_date(ends_on, 'd MMMM y', locale=_locale())}"


def duration(minutes: float) -> str:
    """Return a length by the clock: «1 ч 30 мин»."""
    hours, rest = divmod(round(minutes), MINUTES_IN_HOUR)
    if hours and rest:
        return str(gettext("%(hours)s h %(minutes)s min", hours=hours, minutes=rest))
    if hours:
        return str(gettext("%(hours)s h", hours=hours))
    return str(gettext("%(minutes)s min", minutes=rest))


def elapsed(seconds: float) -> str:
    """Return how long a machine worked: «4 с», «2 мин»."""
    if seconds < MINUTES_IN_HOUR:
        return str(gettext("%(seconds)s s", seconds=hours_words(Decimal(f"{seconds:.1f}"))))
    return duration(seconds / MINUTES_IN_HOUR)


def share(value: float) -> str:
    """Return a share in whole percent: «75 %»."""
    return str(format_percent(value, locale=_locale()))


def study_hours(value: Decimal) -> str:
    """Return academic hours: «18 ак. ч»."""
    whole = int(value) if value == value.to_integral_value() else 2
    return str(ngettext("%(hours)s academic hour", "%(hours)s academic hours", whole, hours=hours_words(value)))


def hours_of(done: Decimal, total: Decimal) -> str:
    """Return academic hours with their whole: «18 из 24 ак. ч»."""
    return str(gettext("%(done)s of %(total)s academic hours", done=hours_words(done), total=hours_words(total)))


def file_size(size: int) -> str:
    """Return a file's size as people say it: 512 KB, 1.4 MB."""
    if size < 1000 * 1024:
        return str(gettext("%(number)s KB", number=format_decimal(max(1, round(size / 1024)), locale=_locale())))
    number = format_decimal(size / 1024**2, format="#,##0.#", locale=_locale())
    return str(gettext("%(number)s MB", number=number))


def zone_words(*, zone: ZoneInfo, now: datetime) -> str:
    """Name the zone: «по времени Новокузнецка (UTC+7)»."""
    name = ZONE_NAMES.get(zone.key) or gettext("local time of %(zone)s", zone=zone.key.replace("_", " "))
    return f"{name} ({offset(zone, now)})"


def offset(zone: ZoneInfo, now: datetime) -> str:
    """Return the zone's present distance from UTC: «UTC+7», «UTC+5:30»."""
    away = now.astimezone(zone).utcoffset() or timedelta()
    minutes = round(away.total_seconds() / MINUTES_IN_HOUR)
    hours, rest = divmod(abs(minutes), MINUTES_IN_HOUR)
    sign = "+" if minutes >= 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def iso(value: datetime) -> str:
    """Return a moment for machines (``<time datetime>``): ISO 8601 in UTC."""
    return local(value, ZoneInfo("UTC")).strftime("%Y-%m-%dT%H:%M:%SZ")


def _here(function: Callable[..., Any], *wanted: str) -> Callable[..., Any]:
    """Fill in the municipality's zone and the request's moment where a filter needs them."""

    def filled(*values: Any) -> Any:
        zone = edge.tool().settings.zone
        known: dict[str, Callable[[], Any]] = {
            "zone": lambda: zone,
            "now": edge.now,
        }
        return function(*values, **{name: known[name]() for name in wanted})

    return filled


def install(app: Flask) -> None:
    """Give templates the filters and the name of the zone."""
    app.jinja_env.filters.update(
        clock_time=_here(clock_time, "zone"),
        day=_here(this_day, "zone", "now"),
        moment=_here(moment, "zone", "now"),
        full_day=full_day,
        month_name=month_name,
        short_day=_here(short_day, "zone"),
        period=_here(period, "zone", "now"),
        term=term,
        duration=duration,
        elapsed=elapsed,
        share=share,
        study_hours=study_hours,
        hours_of=hours_of,
        hours_words=hours_words,
        iso=iso,
        file_size=file_size,
    )
    app.jinja_env.tests["today"] = _here(is_today, "zone", "now")
    app.jinja_env.globals["zone_words"] = _here(zone_words, "zone", "now")
