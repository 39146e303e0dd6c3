"""The night's kinds of change, states and reasons in words for administrators."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.sync.models import RunStatus

KIND_NAMES = {
    "create_course": _l("courses made"),
    "update_course": _l("courses changed"),
    "enrol": _l("people enrolled"),
    "update_enrolment": _l("enrolments changed"),
    "reactivate": _l("enrolments reactivated"),
    "suspend": _l("enrolments suspended"),
}
CHANGE_NAMES = {
    "create_course": _l("make a course"),
    "update_course": _l("change a course"),
    "enrol": _l("enrol"),
    "update_enrolment": _l("change an enrolment"),
    "reactivate": _l("reactivate"),
    "suspend": _l("suspend"),
}
STATES = {
    RunStatus.RUNNING: (_l("under way"), "arrow-repeat", "primary"),
    RunStatus.DONE: (_l("done"), "check-circle-fill", "success"),
    RunStatus.FAILED_SOME: (_l("done, but some changes failed"), "exclamation-triangle", "danger"),
    RunStatus.HELD: (_l("waits for approval"), "pause-circle", "warning"),
    RunStatus.UNREADABLE: (_l("Moodle could not be read, nothing was changed"), "x-circle", "danger"),
    RunStatus.INTERRUPTED: (_l("broken off"), "dash-circle", "danger"),
}
"""Word, icon and colour of a run's state."""
PHASES = {
    "reading": _l("reading Moodle"),
    "planning": _l("comparing"),
    "writing": _l("changing Moodle"),
    "progress": _l("reading completion"),
    "credits": _l("putting forward credit"),
}


def kind_name(kind: str) -> str:
    """Name a kind of change in the plural, as a heading of a count."""
    return str(KIND_NAMES.get(kind, kind))


def change_name(kind: str) -> str:
    """Name one change by its verb."""
    return str(CHANGE_NAMES.get(kind, kind))


def phase_name(phase: str) -> str:
    """Say what a run is doing."""
    return str(PHASES.get(phase, phase))


def reason_words(reason: Any) -> str:
    """Say why a plan is held, in numbers. ``reason`` is as the guard wrote it."""
    if not isinstance(reason, dict):
        return str(reason)
    suspended, of, course = reason.get("suspended", 0), reason.get("of", 0), reason.get("course_key", "")
    if reason.get("code") == "suspends_many" and course:
        words = ngettext(
            "Intake %(course)s: %(num)s of %(of)s people in the course would be suspended.",
            "Intake %(course)s: %(num)s of %(of)s people in the course would be suspended.",
            suspended,
            course=course,
            of=of,
        )
        return str(words)
    if reason.get("code") == "suspends_many":
        words = ngettext(
            "In all courses together %(num)s of %(of)s people would be suspended.",
            "In all courses together %(num)s of %(of)s people would be suspended.",
            suspended,
            of=of,
        )
        return str(words)
    if reason.get("code") == "unwhole_read":
        words = gettext(
            "Moodle could not be shown to have answered in full (%(course)s): %(text)s",
            course=course or gettext("all courses"),
            text=reason.get("text", ""),
        )
        return str(words)
    return str(reason.get("text", reason))


def suspended_by(held_plan: dict[str, Any], reasons: list[Any]) -> int:
    """Return how many people a held plan would suspend: by its own counts, else by the guard's largest reason."""
    counted = held_plan.get("counts", {}).get("suspend")
    if isinstance(counted, dict):
        counted = counted.get("planned")
    if isinstance(counted, int):
        return counted
    return max((int(one.get("suspended", 0)) for one in reasons if isinstance(one, dict)), default=0)
