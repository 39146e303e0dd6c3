"""The Moodle course of a launch, carried from page to page in its address: sealed, so that nobody can name another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer

from lti_app.core.errors import NotFound

SALT = "launched-course"


@dataclass(frozen=True)
class LaunchedCourse:
    """Say from which course of which Moodle somebody came; ``idnumber`` and ``title`` as Moodle gave them."""

    moodle_id: int
    course_id: int
    title: str
    idnumber: str | None


def seal(course: LaunchedCourse, secret_key: str) -> str:
    """Write a course as a text for an address."""
    return str(URLSafeSerializer(secret_key, salt=SALT).dumps(asdict(course)))


def unseal(text: str, secret_key: str) -> LaunchedCourse:
    """Read what ``seal`` wrote. Raises NotFound for anything else."""
    try:
        values: dict[str, Any] = URLSafeSerializer(secret_key, salt=SALT).loads(text)
        return LaunchedCourse(**values)
    except (BadSignature, TypeError) as error:
        raise NotFound(
            "no_launched_course",
            _l("This address does not name a course that was opened from Moodle."),
            remedy=_l("Open the course in Moodle and follow the link from there."),
        ) from error
