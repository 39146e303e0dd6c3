"""What the history of open meetings says, and what guests are told of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.history import Words
from lti_app.meetings.models import GuestState
from lti_app.meetings.opening import FIELDS
from lti_app.notices.occasions import Occasion

STATE_NAMES: dict[str, Text] = {
    GuestState.SIGNED_UP: _l("signed up"),
    GuestState.WAITING: _l("on the waiting list"),
    GuestState.CANCELLED: _l("sign-up cancelled"),
}
HISTORY = Words(
    actions={
        "open_meeting": _l("changed who from outside may come"),
        "confirm_guests": _l("confirmed which guests were present"),
        "credit_guest": _l("credited a guest's hours"),
    },
    fields=FIELDS,
    values={},
    references={},
)

NOTICES: dict[str, Occasion] = {
    "seminar_promoted": Occasion(
        _l("A place in the open seminar became free: it is yours"),
        _l(
            "A place in the open seminar “%(topic)s” (%(site)s) became free, and it is yours. It begins on "
            "%(starts_at)s. If you can't come, please give the place back in time."
        ),
    ),
    "seminar_taken_off": Occasion(
        _l("You are no longer signed up for the open seminar"),
        _l(
            "The leader has taken you off the list of guests of the open seminar “%(topic)s” (%(site)s), which begins "
            "on %(starts_at)s. With questions turn to the leader of the site."
        ),
    ),
    "seminar_closed": Occasion(
        _l("The seminar is not open any more"),
        _l(
            "The seminar “%(topic)s” (%(site)s), which begins on %(starts_at)s, is held for trainees of its intake "
            "only now. Your signing up is cancelled."
        ),
    ),
    "seminar_lapsed": Occasion(
        _l("No place in the open seminar became free"),
        _l(
            "The open seminar “%(topic)s” (%(site)s) begins, and no place became free for you. Look which open "
            "seminars are to come."
        ),
    ),
    "seminar_credited": Occasion(
        _l("Your hours at the open seminar are credited"),
        _l("The leader has credited your hours at the open seminar “%(topic)s” (%(site)s) of %(starts_at)s."),
    ),
    "seminar_credit_reversed": Occasion(
        _l("The hours at the open seminar are taken back"),
        _l(
            "The leader has taken back the hours credited to you at the open seminar “%(topic)s” (%(site)s) of "
            "%(starts_at)s. The reason stands under “My seminars and hours”."
        ),
    ),
}
