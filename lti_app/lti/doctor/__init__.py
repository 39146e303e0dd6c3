"""Whether a Moodle is fit for the tool: each check with its remedy. Nothing is changed in Moodle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from lti_app.lti.doctor.checks import Check, Status, amiss
from lti_app.lti.doctor.courses import categories, courses
from lti_app.lti.doctor.network import ADDRESS, clock, public_address, session_cookie
from lti_app.lti.doctor.registrations import access, enabled, key_set, registrations
from lti_app.lti.doctor.services import TRIED_FIELDS, functions, functions_there, limit_read, limits, site
from lti_app.lti.models import Moodle
from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError
from moodle_sync.functions import Function

__all__ = ["Check", "Examination", "Status", "examine"]


@dataclass(frozen=True)
class Examination:
    """Hold every check in order, and how many form fields nights may send in one call; None where it wasn't read."""

    checks: list[Check]
    max_input_vars: int | None = None


def examine(
    session: Session,
    moodle: Moodle,
    *,
    templates: Mapping[str, str],
    token: str,
    public_url: str,
    now: Callable[[], datetime],
) -> Examination:
    """Look at a Moodle. ``session`` is read from only; ``now`` is asked when Moodle's clock is compared.

    ``templates`` are those in use (a course id or a shortname), each with what for.
    """
    checks = [*public_address(public_url), *clock(moodle, now)]
    if checks[-1].name == ADDRESS:  # no answer: whatever else would be asked of it has the same cause
        return Examination([*checks, *registrations(session, moodle)])
    checks.append(session_cookie(moodle, public_url))
    most = None
    with MoodleClient(moodle.url, token, timeouts=(5.0, 30.0), retries=1) as client:
        try:
            info = client.call(Function.SITE_INFO)
        except MoodleError as error:
            checks.append(amiss("token", f"web services: {error}", error.remedy))
        else:
            checks += site(moodle, info)
            checks += functions(moodle, functions_there(info))
            most = limit_read(moodle.url, token, int(info.get("userid", 0)))
            checks.append(limits(most))
            checks += courses(client, moodle, templates, info)
            checks += categories(client, moodle)
    checks += registrations(session, moodle)
    for row in enabled(session, moodle):
        checks += key_set(row)
        checks.append(access(session, row, public_url))
    return Examination(checks, None if most is None else max(most, TRIED_FIELDS[0]))
