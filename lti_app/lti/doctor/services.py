"""Checks of the web service itself: the token, its functions, and how much PHP takes in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lti_app.lti.doctor.checks import SERVICE, Check, add_command, amiss, note, ok
from lti_app.lti.doctor.network import ADDRESS
from lti_app.lti.models import Moodle
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError
from moodle_sync.functions import FACTS, PHP_DEFAULT_FIELDS, Function

MOODLE_ADVISED_FIELDS = 5000
TRIED_FIELDS = (100, 250, 500, PHP_DEFAULT_FIELDS, 2500, MOODLE_ADVISED_FIELDS)


def site(moodle: Moodle, info: dict[str, Any]) -> Iterator[Check]:
    """Look at what the token's answer says of the site and of its user."""
    yield ok("token", f"accepted, as user {info.get('username')}")
    told = str(info.get("siteurl", "")).rstrip("/")
    if told == moodle.url:
        yield ok(ADDRESS, told)
    else:
        yield amiss(
            ADDRESS,
            f"Moodle calls itself {told}, the tool has {moodle.url}",
            f"store the same address: {add_command(moodle, told)}",
        )
    yield ok("release", f"Moodle {info.get('release', 'of unknown release')}")
    if info.get("userissiteadmin"):
        yield note(
            "capabilities",
            "the token belongs to a site administrator, who may do everything",
            "make a user of its own for the service, with the capabilities that `moodle functions` lists",
        )


def settings_of(moodle: Moodle) -> dict[Function, bool]:
    """Return the functions that a setting of this Moodle asks for, and whether it does."""
    return {
        Function.CATEGORIES: moodle.category_per_site,
        Function.CREATE_CATEGORIES: moodle.category_per_site,
        Function.CREATE_USERS: moodle.creates_users,
    }


def used_functions(moodle: Moodle) -> list[Function]:
    """Return the functions that nights of this Moodle call."""
    by_setting = settings_of(moodle)
    return [function for function in Function if by_setting.get(function, True)]


def functions_there(info: dict[str, Any]) -> frozenset[str]:
    """Return the names of the functions that the token's service has."""
    return frozenset(str(entry.get("name")) for entry in info.get("functions", []) if isinstance(entry, dict))


def functions(moodle: Moodle, there: frozenset[str]) -> Iterator[Check]:
    """Look for the functions in use; those that a setting of this Moodle asks for are missed only where it does."""
    used, by_setting = used_functions(moodle), settings_of(moodle)
    missing = [function for function in used if function not in there]
    for function in missing:
        facts = FACTS[function]
        remedy = f"add {function} to the service ({SERVICE})"
        make = note if facts.optional and function not in by_setting else amiss
        yield make("functions", f"{function} is missing: {facts.purpose}", remedy)
    if not missing:
        yield ok("functions", f"all {len(used)} are in the service")


def limit_read(url: str, token: str, own_id: int) -> int | None:
    """Return how many form fields PHP takes at least, of TRIED_FIELDS; 0 where not even the fewest, None if untold.

    People are asked for by id with the token's own user last: it is found only if PHP dropped no field before it.
    """
    most = 0
    for fields in TRIED_FIELDS:
        try:
            if not _takes_fields(url, token, own_id, fields):
                break
        except MoodleError:
            return most or None
        most = fields
    return most


def _takes_fields(url: str, token: str, own_id: int, fields: int) -> bool:
    envelope = 4  # token, function, format, and the name of the field that people are looked up by
    values = [0] * (fields - envelope - 1) + [own_id]
    with MoodleClient(url, token, timeouts=(5.0, 30.0), retries=1, max_input_vars=fields) as client:
        found = client.call(Function.USERS_BY_FIELD, field="id", values=values)
    return any(isinstance(user, dict) and user.get("id") == own_id for user in found)


def limits(most: int | None) -> Check:
    """Say what the reading of PHP's max_input_vars means; nights make their calls by it."""
    advice = f"set max_input_vars = {MOODLE_ADVISED_FIELDS} in Moodle's php.ini"
    if most is None:
        return note("limits", f"it can't be told how many form fields PHP takes: {Function.USERS_BY_FIELD} fails")
    if most >= MOODLE_ADVISED_FIELDS:
        return ok("limits", f"PHP takes {MOODLE_ADVISED_FIELDS} form fields (max_input_vars)")
    if most >= PHP_DEFAULT_FIELDS:
        return note(
            "limits",
            f"PHP takes {most} form fields, but not {MOODLE_ADVISED_FIELDS}; batches are kept smaller",
            f"{advice}, as Moodle itself advises",
        )
    return amiss(
        "limits",
        f"PHP does not take {PHP_DEFAULT_FIELDS} form fields, its own default; nights now make do with "
        f"{most or TRIED_FIELDS[0]} and take many calls",
        advice,
    )
