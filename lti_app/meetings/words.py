"""What the history of meetings says (actions, fields, values, ids), and what people are told of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.history import Reference, Words
from lti_app.meetings.models import MeetingState, RoomKind
from lti_app.notices.occasions import Occasion
from lti_app.people.models import Person
from lti_app.programmes.models import FORM_NAMES, MODE_NAMES, Form, Mode, Topic

STATE_NAMES: dict[str, Text] = {
    MeetingState.PLANNED: _l("planned"),
    MeetingState.CANCELLED: _l("cancelled"),
}
ROOM_NAMES: dict[str, Text] = {
    RoomKind.LINK: _l("by a link"),
    RoomKind.BIGBLUEBUTTON: _l("on the BigBlueButton server"),
}
FIELDS: dict[str, Text] = {
    "topic_id": _l("topic"),
    "form": _l("form"),
    "mode": _l("where"),
    "starts_at": _l("beginning"),
    "minutes": _l("minutes"),
    "place": _l("place"),
    "room_url": _l("link to the room"),
    "room_kind": _l("room"),
    "host_id": _l("who holds it"),
    "capacity": _l("places"),
    "state": _l("state"),
}
HISTORY = Words(
    actions={
        "plan_meeting": _l("planned the meeting"),
        "change_meeting": _l("changed the meeting"),
        "move_meeting": _l("moved the meeting"),
        "cancel_meeting": _l("cancelled the meeting"),
        "restore_meeting": _l("planned the cancelled meeting again"),
        "confirm_attendance": _l("confirmed the attendance"),
    },
    fields=FIELDS,
    values={
        "form": {form.value: words for form, words in FORM_NAMES.items()},
        "mode": {mode.value: words for mode, words in MODE_NAMES.items()},
        "state": STATE_NAMES,
        "room_kind": ROOM_NAMES,
    },
    references={"topic_id": Reference(Topic, "title"), "host_id": Reference(Person, "full_name")},
)

NOTICES: dict[str, Occasion] = {
    "meeting_moved": Occasion(
        _l("A meeting is moved: %(title)s"),
        _l("Internship “%(programme)s”, meeting “%(title)s”: the time has changed.\n%(changes)s"),
    ),
    "meeting_changed": Occasion(
        _l("A meeting has changed: %(title)s"),
        _l("Internship “%(programme)s”, meeting “%(title)s”, %(times)s. What has changed:\n%(changes)s"),
    ),
    "meeting_cancelled": Occasion(
        _l("A meeting is cancelled: %(title)s"),
        _l("Internship “%(programme)s”: the meeting “%(title)s” will not take place.\n%(times)s%(reason)s"),
    ),
    "meeting_restored": Occasion(
        _l("The meeting takes place after all: %(title)s"),
        _l("Internship “%(programme)s”: the meeting “%(title)s”, which had been cancelled, takes place.\n%(times)s"),
    ),
}


def local_moment(moment: datetime, zone: ZoneInfo, locale: str | None = None) -> str:
    """Write a moment as «чт, 10 декабря 2026, 15:00», in the reader's language unless another is named."""
    locale = locale or str(get_locale() or "en")
    return str(format_datetime(moment.astimezone(zone), "EEE, d MMMM y, HH:mm", locale=locale))


def shown(value: Any, zone: ZoneInfo) -> str:
    """Show a value of a field of a meeting's form."""
    match value:
        case None:
            return ""
        case datetime():
            return local_moment(value, zone)
        case Form():
            return str(FORM_NAMES[value])
        case Mode():
            return str(MODE_NAMES[value])
        case RoomKind():
            return str(ROOM_NAMES[value])
    return str(value)
