"""The Moodle course of a launch, carried from page to page in its address.

Sealed, so that nobody can name another course; made out to the user who launched, for as long as a visit lasts, so that
nobody can use an address that was passed on to them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer

from lti_app.core.errors import NotFound
from lti_app.core.permissions import Actor

SALT = "launched-course"


@dataclass(frozen=True)
class LaunchedCourse:
    """Say who came from which course of which Moodle, and when (Unix seconds); names are as Moodle gave them.

    ``is_instructor``: Moodle counts them among the teachers of that course.
    """

    moodle_id: int
    user_id: int
    since: int
    is_instructor: bool
    course_id: int
    title: str
    idnumber: str | None


def seal(course: LaunchedCourse, secret_key: str) -> str:
    """Write a course as a text for an address."""
    return str(URLSafeSerializer(secret_key, salt=SALT).dumps(asdict(course)))


def unseal(text: str, secret_key: str, *, actor: Actor, now: datetime, life: timedelta) -> LaunchedCourse:
    """Read what ``seal`` wrote for ``actor`` at most ``life`` ago. Raises NotFound for anything else."""
    remedy = _l("Open the course in Moodle and follow the link from there.")
    try:
        values: dict[str, Any] = URLSafeSerializer(secret_key, salt=SALT).loads(text)
        course = LaunchedCourse(**values)
    except (BadSignature, TypeError) as error:
        raise NotFound(
            "no_launched_course",
            _l("This address does not name a course that was opened from Moodle."),
            remedy=remedy,
        ) from error
    is_theirs = (course.moodle_id, course.user_id) == (actor.moodle_id, actor.user_id)
    if not is_theirs or now.timestamp() - course.since > life.total_seconds():
        raise NotFound(
            "launch_of_another", _l("This address was made for somebody else, or too long ago."), remedy=remedy
        )
    return course
