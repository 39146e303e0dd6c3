"""What states of plans, consultations and ratings are called, what their history says, what people are told of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.core.history import Words
from lti_app.notices.occasions import Occasion
from lti_app.plans.models import ConsultationState, PlanState, RatingMoment, Side
from lti_app.plans.progress import CardState, ItemState

CARD_STATES: dict[CardState, tuple[Text, str, str]] = {
    CardState.NONE: (_l("no plan yet"), "dash-circle", "secondary"),
    CardState.DRAFT: (_l("plan being drawn up"), "pencil", "secondary"),
    CardState.WITH_LEADER: (_l("waits for the leader's agreement"), "hourglass-split", "warning"),
    CardState.WITH_TRAINEE: (_l("waits for the trainee's agreement"), "hourglass-split", "warning"),
    CardState.AGREED: (_l("plan agreed"), "check-circle", "primary"),
    CardState.FINISHED: (_l("plan fulfilled"), "check-circle-fill", "success"),
}
"""The word, the icon and the tone of each state."""
ITEM_STATES: dict[ItemState, tuple[Text, str, str]] = {
    ItemState.DONE: (_l("done"), "check-circle", "success"),
    ItemState.SAID: (_l("done, to be confirmed by the leader"), "hourglass-split", "warning"),
    ItemState.OPEN: (_l("ahead"), "calendar-event", "primary"),
    ItemState.LATE: (_l("overdue"), "exclamation-triangle", "danger"),
    ItemState.UNCONFIRMED: (_l("attendance not confirmed yet"), "hourglass-split", "warning"),
    ItemState.MISSED: (_l("was absent"), "x-circle", "danger"),
    ItemState.CANCELLED: (_l("meeting cancelled"), "slash-circle", "danger"),
}
PLAN_STATES = {
    PlanState.DRAFT: _l("plan being drawn up"),
    PlanState.PROPOSED: _l("proposed"),
    PlanState.AGREED: _l("plan agreed"),
}
CONSULTATION_STATES: dict[str, tuple[Text, str, str]] = {
    ConsultationState.ASKED: (_l("waits for the leader's answer"), "hourglass-split", "warning"),
    ConsultationState.OFFERED: (_l("another time is offered"), "clock", "warning"),
    ConsultationState.AGREED: (_l("time agreed"), "calendar-event", "primary"),
    ConsultationState.DECLINED: (_l("declined"), "x-circle", "danger"),
    ConsultationState.WITHDRAWN: (_l("withdrawn"), "slash-circle", "secondary"),
    "held": (_l("held"), "check-circle", "success"),
    "missed": (_l("not held: the trainee was absent"), "x-circle", "danger"),
    "unconfirmed": (_l("over, attendance not confirmed yet"), "hourglass-split", "warning"),
    "cancelled": (_l("meeting cancelled"), "slash-circle", "danger"),
}
MOMENTS = {RatingMoment.START: _l("at the start"), RatingMoment.END: _l("at the end")}
SIDES = {Side.TRAINEE: _l("trainee"), Side.LEADER: _l("leader")}
HISTORY = Words(
    actions={
        "begin_plan": _l("individual plan begun"),
        "change_plan_text": _l("text of the plan changed"),
        "propose_plan": _l("agreed to the text and proposed it"),
        "agree_plan": _l("agreed to the text: it holds now"),
        "give_change_up": _l("change given up"),
        "mark_point_done": _l("marked a point as done"),
        "mark_point_open": _l("took the mark of a point back"),
        "ask_consultation": _l("asked for a consultation"),
        "set_consultation": _l("set a consultation"),
        "offer_consultation": _l("offered a time"),
        "agree_consultation": _l("agreed to a consultation"),
        "decline_consultation": _l("declined a consultation"),
        "withdraw_consultation": _l("withdrew a consultation"),
        "rate_competences": _l("rated competences"),
    },
    fields={
        "aim": _l("Aim"),
        "points": _l("Points of the plan"),
        "point": _l("Point"),
        "agreed_number": _l("version that holds"),
    },
    values={},
    references={},
)
NOTICES: dict[str, Occasion] = {
    "plan_proposed": Occasion(
        _l("An individual plan waits for your agreement"),
        _l(
            "%(name)s proposes the individual plan of %(trainee)s in the internship “%(title)s”. Read it, and agree "
            "to it or change it."
        ),
    ),
    "plan_agreed": Occasion(
        _l("The individual plan is agreed"),
        _l(
            "%(name)s has agreed to the individual plan of %(trainee)s in the internship “%(title)s”. It holds from "
            "now on."
        ),
    ),
    "plan_change_given_up": Occasion(
        _l("Your change of the individual plan was given up"),
        _l(
            "%(name)s doesn't take your change of the individual plan of %(trainee)s in the internship “%(title)s”. "
            "The agreed plan holds as it was."
        ),
    ),
    "consultation_asked": Occasion(
        _l("A trainee asks for a consultation"),
        _l("%(trainee)s asks for a consultation in the internship “%(title)s”. Answer with a time, or decline."),
    ),
    "consultation_agreed": Occasion(
        _l("Your consultation is set"),
        _l("Your consultation in the internship “%(title)s” is on %(when)s. Where, its page says."),
    ),
    "consultation_offered": Occasion(
        _l("Another time for your consultation is offered"),
        _l("The leader offers %(when)s for your consultation in the internship “%(title)s”. Accept it, or withdraw."),
    ),
    "consultation_declined": Occasion(
        _l("Your consultation was declined"),
        _l("Your question in the internship “%(title)s” was declined: %(reason)s"),
    ),
    "consultation_accepted": Occasion(
        _l("The time of a consultation is accepted"),
        _l("%(trainee)s accepts %(when)s for a consultation in the internship “%(title)s”."),
    ),
    "consultation_withdrawn": Occasion(
        _l("A consultation was withdrawn"),
        _l("%(trainee)s has withdrawn a consultation in the internship “%(title)s”."),
    ),
}
