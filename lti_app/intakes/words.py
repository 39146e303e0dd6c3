"""What the history of intakes and places says (actions, fields, values, ids), and what people are told of."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.history import Reference, Words
from lti_app.intakes.models import Admission
from lti_app.lti.models import Moodle
from lti_app.notices.occasions import Occasion

ADMISSION_NAMES: dict[str, Text] = {
    Admission.MUNICIPALITY: _l("teachers of all organisations of the municipality"),
    Admission.ORGANISATIONS: _l("teachers of certain organisations"),
    Admission.INVITATION: _l("people who are invited"),
}
STANDING_NAMES: dict[str, Text] = {
    "enrolled": _l("has a place"),
    "left": _l("has left"),
    "with_head": _l("waits for the head's word"),
    "waiting": _l("on the waiting list"),
    "granted": _l("place given"),
    "declined": _l("declined"),
    "withdrawn": _l("request taken back"),
    "lapsed": _l("closed by the start"),
}
FIELDS: dict[str, Text] = {
    "starts_on": _l("first day"),
    "ends_on": _l("last day"),
    "capacity": _l("places"),
    "moodle_id": _l("Moodle of the course"),
    "admission": _l("who may ask for a place"),
    "organisations": _l("open to organisations"),
    "needs_head": _l("the head confirms"),
    "keeps_waiting_list": _l("keeps a waiting list"),
    "requests_until": _l("last day to ask"),
    "note": _l("note"),
    "course_id": _l("course in Moodle"),
    "invited": _l("invited"),
    "state": _l("state"),
    "reason": _l("reason"),
}
HISTORY = Words(
    actions={
        "create_intake": _l("made the intake"),
        "change_intake": _l("changed the intake"),
        "publish_intake": _l("published the intake (4.2)"),
        "tie_course": _l("tied the Moodle course"),
        "invite_person": _l("invited to ask for a place"),
        "enrol_trainee": _l("gave a place"),
        "trainee_left": _l("noted that the trainee left"),
        "trainee_returned": _l("gave the place again"),
        "adopt_trainee": _l("took in from the Moodle course"),
        "ask_for_place": _l("asked for a place"),
        "list_person": _l("put on the list"),
        "withdraw_request": _l("took the request back"),
        "confirm_request": _l("confirmed the request"),
        "decline_request": _l("declined the request"),
        "grant_place": _l("request granted"),
        "lapse_request": _l("request closed by the start of the intake"),
    },
    fields=FIELDS,
    values={"admission": ADMISSION_NAMES, "state": STANDING_NAMES},
    references={"moodle_id": Reference(Moodle, "name")},
)

NOTICES: dict[str, Occasion] = {
    "invited_to_ask": Occasion(
        _l("You are invited to an internship"),
        _l(
            "You are invited to the internship “%(title)s”, which begins on %(starts_on)s. Ask for a place on the page "
            "of open intakes."
        ),
    ),
    "place_to_confirm": Occasion(
        _l("A request for a place in an internship waits for your word"),
        _l(
            "%(person)s asks for a place in the internship “%(title)s”, which begins on %(starts_on)s. "
            "Please confirm or decline."
        ),
    ),
    "place_granted": Occasion(
        _l("You have a place in the internship"),
        _l(
            "You have a place in the internship “%(title)s”, which begins on %(starts_on)s. Its Moodle "
            "course opens to you on that day."
        ),
    ),
    "place_promoted": Occasion(
        _l("A place became free: it is yours"),
        _l("A place in the internship “%(title)s” became free, and it is yours. It begins on %(starts_on)s."),
    ),
    "place_waiting": Occasion(
        _l("You are on the waiting list"),
        _l(
            "All places in the internship “%(title)s” are taken. You are on the waiting list; you will be "
            "told once a place becomes free before %(starts_on)s."
        ),
    ),
    "place_declined": Occasion(
        _l("Your request for a place was declined"),
        _l("Your request for a place in the internship “%(title)s” was declined: %(reason)s"),
    ),
    "place_lapsed": Occasion(
        _l("No place became free"),
        _l("The internship “%(title)s” begins, and no place became free for you. Look whether another intake is open."),
    ),
    "leader_message": Occasion(
        _l("Message of the leader: internship “%(title)s”"),
        _l("%(leader)s writes to you as a trainee of the internship “%(title)s”:\n\n%(text)s"),
    ),
    "places_digest": Occasion(
        _l("Requests for places in your intake"),
        _l(
            "Internship “%(title)s”, beginning on %(starts_on)s: requests yesterday: %(asked)s, decided: "
            "%(decided)s, waiting: %(waiting)s."
        ),
    ),
}


def shown(value: Any) -> str:
    """Show a value of a field of the intake's form."""
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, Admission):
        return str(ADMISSION_NAMES[value])
    return f"{value:%d.%m.%Y}" if isinstance(value, date) else str(value)
