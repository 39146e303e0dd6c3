"""Why a night made each change, in words for administrators."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from moodle_sync.changes import Reason

REASONS = {
    Reason.NOBODY_MATCHES: _l("nobody in Moodle matches"),
    Reason.NO_CATEGORY: _l("there is no such category yet"),
    Reason.NO_COURSE: _l("the intake has no course yet"),
    Reason.GONE: _l("the course is gone from Moodle"),
    Reason.NAME: _l("the name differs"),
    Reason.NUMBER: _l("the ID number differs"),
    Reason.DATES: _l("the dates differ"),
    Reason.VISIBLE: _l("the course is hidden but should be shown"),
    Reason.HIDE_DUE: _l("it is time to hide the course"),
    Reason.LISTED: _l("on the list, but not in the course"),
    Reason.LEFT: _l("no longer on the list"),
    Reason.CAME_BACK: _l("on the list again"),
    Reason.ROLE: _l("a further role"),
    Reason.UNCONFIRMED: _l("an earlier run broke off before this was confirmed"),
    Reason.SUSPENDED_BY_HAND: _l("was suspended in Moodle by hand"),
    Reason.REACTIVATED_BY_HAND: _l("was made active in Moodle by hand"),
    Reason.REMOVED_BY_HAND: _l("was removed in Moodle by hand"),
    Reason.SHARED_COURSE: _l("several intakes share the course"),
    Reason.MOVED_INTAKE: _l("moved to another intake"),
    Reason.NEW_MEETING: _l("not in the calendar yet"),
    Reason.MOVED: _l("the meeting was moved to another time"),
    Reason.MOVED_BY_HAND: _l("the time was changed in Moodle by hand"),
    Reason.RENAMED: _l("the meeting's name, place or length changed"),
    Reason.CANCELLED: _l("the meeting is cancelled or no longer on the schedule"),
    Reason.TWICE: _l("the meeting was in the calendar twice"),
}
"""By the codes that plans give."""


def why_words(reason: str | None) -> str:
    """Say why the plan had a change; nothing of runs that did not keep it."""
    return "; ".join(
        str(REASONS[Reason(code)]) if code in REASONS else code for code in (reason or "").split(",") if code
    )
