"""Grounds and outcomes of an end in words."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from lti_app.core.history import Reference, Words
from lti_app.intakes.models import Intake, IntakeOutcome, TraineeOutcome
from lti_app.sites.models import EndGrounds

GROUNDS_NAMES = {
    EndGrounds.ORGANISATION: _l("the organisation's decision, the programme being done"),
    EndGrounds.COUNCIL: _l("the council's recommendation"),
}
INTAKE_OUTCOMES = {
    IntakeOutcome.FINISHED: _l("runs to its end with its leader"),
    IntakeOutcome.MOVED: _l("trainees move to another intake"),
    IntakeOutcome.BROKEN_OFF: _l("is broken off"),
}
TRAINEE_OUTCOMES = {
    TraineeOutcome.STAYS: _l("goes on to the end"),
    TraineeOutcome.CREDITED: _l("the attended hours are credited"),
    TraineeOutcome.MOVED: _l("moves to another intake"),
    TraineeOutcome.LEFT: _l("leaves without credit"),
}
INTAKES_ENDED = {
    IntakeOutcome.FINISHED: _l("runs to its end with its leader"),
    IntakeOutcome.MOVED: _l("its trainees have moved to another intake"),
    IntakeOutcome.BROKEN_OFF: _l("the intake is broken off"),
}
"""What became of an intake, said afterwards."""
TRAINEES_ENDED = {
    TraineeOutcome.STAYS: _l("goes on to the end"),
    TraineeOutcome.CREDITED: _l("attended hours credited"),
    TraineeOutcome.MOVED: _l("has moved to another intake"),
    TraineeOutcome.LEFT: _l("left without credit"),
}
HISTORY = Words(
    actions={
        "end_site": _l("ended the site (8.1)"),
        "break_off_intake": _l("broke the intake off (8.1)"),
        "cancel_meeting": _l("cancelled the meeting"),
        "credit_at_end": _l("credited hours at the end of the site (8.1)"),
    },
    fields={
        "ended_on": _l("first day without the site"),
        "ended_because": _l("why it ended"),
        "broken_off_on": _l("broken off on"),
    },
    values={},
    references={"moved_to_id": Reference(Intake, "code")},
)
