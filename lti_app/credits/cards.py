"""What pages show of intakes, trainees and meetings: frozen read models. Times in UTC, hours academic."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l

from lti_app.core.errors import Text
from lti_app.credits.rules import Completion, Missing
from lti_app.meetings.models import Presence
from lti_app.meetings.stays import NO_CHECKS, Checks
from lti_app.programmes.models import Form, Mode


class MeetingPhase(enum.StrEnum):
    """Say where a meeting stands in time."""

    PAST = "past"
    NOW = "now"
    NEXT = "next"
    """Still to come; the nearest is the overview's ``next_meeting``."""
    CANCELLED = "cancelled"


PHASE_NAMES: dict[MeetingPhase, Text] = {
    MeetingPhase.PAST: _l("has taken place"),
    MeetingPhase.NOW: _l("under way"),
    MeetingPhase.NEXT: _l("to come"),
    MeetingPhase.CANCELLED: _l("cancelled"),
}


class CreditState(enum.StrEnum):
    """Say how far a trainee's credit is."""

    NONE = "none"
    """Something is missing still."""
    MET = "met"
    """Nothing is missing; the night will propose."""
    PROPOSED = "proposed"
    """Hours wait for the leader's word (perhaps beside hours credited before)."""
    TAKEN_BACK = "taken_back"
    """Nothing is missing, but the leader took the credit back on these facts."""
    CREDITED = "credited"
    """All hours that count stand in the ledger."""


CREDIT_STATE_NAMES: dict[CreditState, Text] = {
    CreditState.NONE: _l("not due yet"),
    CreditState.MET: _l("all done, put forward with the next night"),
    CreditState.PROPOSED: _l("waiting for the leader"),
    CreditState.TAKEN_BACK: _l("credit taken back"),
    CreditState.CREDITED: _l("credited"),
}


@dataclass(frozen=True)
class TopicProgress:
    """Show a row of the thematic plan with the hours attended of it."""

    topic_id: int
    position: int
    title: str
    form: Form
    mode: Mode
    hours_done: Decimal
    hours_total: Decimal

    @property
    def is_done(self) -> bool:
        """Tell whether all hours of the topic are attended."""
        return self.hours_done >= self.hours_total


@dataclass(frozen=True)
class Slot:
    """Show when, where and about what a meeting is."""

    meeting_id: int
    intake_id: int
    topic_id: int
    topic_position: int
    topic: str
    form: Form
    mode: Mode
    starts_at: datetime
    ends_at: datetime
    minutes: int
    hours: Decimal
    place: str | None
    phase: MeetingPhase
    only_for: str | None
    """Name of the one trainee of an individual meeting; None where it is for all of the intake."""


@dataclass(frozen=True)
class TraineeMeeting(Slot):
    """Show a meeting to a trainee: may it be joined, when did this person join, what does it count."""

    opens_at: datetime | None
    """When joining opens, shortly before; None for meetings on site and cancelled ones."""
    can_join: bool
    is_inside: bool
    """Joined and not left yet."""
    joined_at: datetime | None
    """First joining."""
    left_at: datetime | None
    """Last leaving; None while inside."""
    minutes_joined: int | None
    """Minutes of the meeting's own time; None where nobody joins through the tool (on site)."""
    presence: Presence | None
    """The leader's word; None while it is waited for."""
    hours_counted: Decimal
    """Hours of this meeting that count; less than ``hours`` where the topic is full."""


@dataclass(frozen=True)
class CreditLine:
    """Show an entry of the ledger. ``hours`` is negative for a reversal."""

    entry_id: int
    trainee_id: int
    name: str
    hours: Decimal
    is_reversal: bool
    is_reversed: bool
    decided_by: str
    decided_at: datetime
    rule: str
    reason: str | None


@dataclass(frozen=True)
class IntakeHead:
    """Show which intake it is, of what, where and when."""

    intake_id: int
    intake_code: str
    programme_title: str
    site: str
    """Label of the organisation that hosts the site."""
    direction: str
    starts_on: date
    ends_on: date
    is_approved: bool
    """The council approved the version that the intake runs (4.2)."""
    is_published: bool
    broken_off_on: date | None
    """First day without the site that ended (8.1), where the intake ended with it."""
    course_id: int | None
    capacity: int


@dataclass(frozen=True)
class TraineeOverview(IntakeHead):
    """Show a trainee one intake: what is next, how many hours are missing, what counts."""

    trainee_id: int
    name: str
    leader: str | None
    moodle_url: str
    hours_total: Decimal
    hours_needed: Decimal
    hours_attended: Decimal
    """Confirmed by the leader and counting (capped per topic)."""
    hours_credited: Decimal
    hours_proposed: Decimal
    topics: tuple[TopicProgress, ...]
    meetings: tuple[TraineeMeeting, ...]
    """By time."""
    next_meeting: TraineeMeeting | None
    """The one under way, else the nearest to come."""
    missing: tuple[Missing, ...]
    completion: Completion | None
    """Activities other than the tool's link: done, total, read_at; None until Moodle was read, and where the programme
    doesn't ask for them."""
    credit_state: CreditState
    credits: tuple[CreditLine, ...]
    rule: Text

    @property
    def hours_missing(self) -> Decimal:
        """Return the hours that are missing for credit."""
        return max(Decimal(0), self.hours_needed - self.hours_attended)


@dataclass(frozen=True)
class MeetingLine(Slot):
    """Show a meeting to the leader, with counts of the trainees enrolled now."""

    trainees: int
    """Those whom it is for."""
    joined: int
    """Trainees who joined at any time."""
    inside: int
    """Trainees who are in now."""
    confirmed: int
    """Trainees whose presence or absence the leader has confirmed."""
    present: int
    attendance_waiting: bool
    """The meeting has ended and somebody is unconfirmed."""


def due_today(lines: Iterable[MeetingLine], *, now: datetime, zone: ZoneInfo) -> list[MeetingLine]:
    """Return the meetings that are under way, or begin later on today's local date; cancelled ones are left out."""
    today = now.astimezone(zone).date()
    return [
        line
        for line in lines
        if line.phase is MeetingPhase.NOW
        or (line.phase is MeetingPhase.NEXT and line.starts_at.astimezone(zone).date() == today)
    ]


@dataclass(frozen=True)
class LedIntake(IntakeHead):
    """Show the leader which intake it is, and whether its schedule holds enough hours for credit."""

    hours_needed: Decimal
    hours_scheduled: Decimal
    """Hours of somebody who comes to every meeting."""
    has_meetings_left: bool
    """A meeting is under way or still to come."""

    @property
    def schedule_is_short(self) -> bool:
        """Tell whether meetings are missing in the schedule: not even who comes to all of them earns credit."""
        return self.hours_scheduled < self.hours_needed


@dataclass(frozen=True)
class IntakeCard(LedIntake):
    """Show the leader one intake at a glance."""

    trainees: int
    meetings: int
    """Common ones; individual meetings aren't counted."""
    meetings_past: int
    upcoming: tuple[MeetingLine, ...]
    """Under way or starting within seven days, by time."""
    attendance_waiting: tuple[MeetingLine, ...]
    proposals_waiting: int
    credited: int
    """Trainees with credited hours."""
    behind: int
    """Trainees who cannot reach the needed hours even with every meeting left, though the schedule offers them."""
    behind_ids: tuple[int, ...] = ()
    """Who they are, as trainee ids: for the page that writes to them."""

    @property
    def needs_leader(self) -> bool:
        """Tell whether something waits for the leader's word, or somebody falls behind."""
        return bool(self.attendance_waiting or self.proposals_waiting or self.behind)


@dataclass(frozen=True)
class TraineeRow:
    """Show a trainee to the leader."""

    trainee_id: int
    person_id: int
    name: str
    short_name: str
    organisation: str | None
    has_left: bool
    hours_attended: Decimal
    hours_needed: Decimal
    hours_credited: Decimal
    hours_proposed: Decimal
    missing: tuple[Missing, ...]
    is_behind: bool
    completion: Completion | None
    credit_state: CreditState
    has_entries: bool
    """The ledger says something of this trainee, be it that a credit was taken back."""
    marks: tuple[Presence | None, ...]
    """The leader's word for each meeting, in the order of ``IntakeOverview.meetings``."""


@dataclass(frozen=True)
class ProposalLine:
    """Show a proposal that waits for the leader. ``is_current``: facts still bear it, so it can be confirmed."""

    proposal_id: int
    trainee_id: int
    name: str
    hours: Decimal
    hours_credited: Decimal
    """Credited before."""
    meetings: int
    """Attended meetings that the proposal rests on."""
    completion: Completion | None
    proposed_at: datetime
    is_current: bool


@dataclass(frozen=True)
class WaitingElsewhere:
    """Count what waits for the leader in the other intakes of their sites."""

    meetings: int
    """Meetings that ended with somebody unconfirmed."""
    proposals: int


@dataclass(frozen=True)
class IntakeOverview(LedIntake):
    """Show the leader one intake: trainees, meetings, what waits for a decision, the ledger."""

    moodle_url: str
    is_exchange_stopped: bool
    """Nothing goes to Moodle until an administrator resumes the exchange."""
    hours_total: Decimal
    rule: Text
    trainees: tuple[TraineeRow, ...]
    """Enrolled ones by name, then those who left."""
    meetings: tuple[MeetingLine, ...]
    """By time."""
    attendance_waiting: tuple[MeetingLine, ...]
    proposals: tuple[ProposalLine, ...]
    credits: tuple[CreditLine, ...]
    """The ledger of this intake, oldest first."""
    elsewhere: WaitingElsewhere


@dataclass(frozen=True)
class ReversalOverview:
    """Show the leader what taking back an entry of the ledger would do. Hours."""

    entry_id: int
    intake_id: int
    programme_title: str
    site: str
    name: str
    hours: Decimal
    hours_left: Decimal
    """What the trainee would still have."""
    hours_total: Decimal
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Stay:
    """Show one stay in a meeting: ``left_how`` is self, leader or end."""

    joined_at: datetime
    left_at: datetime | None
    left_how: str | None


@dataclass(frozen=True)
class MeetingTrainee:
    """Show the leader one trainee at a meeting."""

    trainee_id: int
    name: str
    organisation: str | None
    stays: tuple[Stay, ...]
    is_inside: bool
    minutes_joined: int | None
    """Minutes of the meeting's own time so far; None on site."""
    suggested: Presence | None
    """From the join log and the checks (stays.suggest_presence); on site, who has arrived. None where nothing tells."""
    presence: Presence | None
    """The leader's word."""
    confirmed_at: datetime | None
    confirmed_by: str | None
    is_credited: bool
    """Credited hours rest on this presence: it cannot be changed until the credit is reversed."""
    checks: Checks = NO_CHECKS
    """Checks of presence that this person answered, of those held."""
    arrived_at: datetime | None = None
    """On site: by the code on the host's screen, or as the host marked."""

    @property
    def came_later(self) -> bool:
        """Tell whether the leader's word was absent, and this person joined after it."""
        return self.presence is Presence.ABSENT and any(
            self.confirmed_at is not None and stay.joined_at > self.confirmed_at for stay in self.stays
        )


@dataclass(frozen=True)
class MeetingOverview:
    """Show the leader one meeting: who came, for how long, what is confirmed."""

    meeting: MeetingLine
    intake_code: str
    programme_title: str
    site: str
    can_confirm: bool
    """The meeting has begun and is not cancelled."""
    trainees: tuple[MeetingTrainee, ...]
    """Enrolled ones whom it is for, by name."""
    present_from: float
    """Share of the meeting from which presence is suggested."""
    has_checks: bool
    """Checks of presence were held."""
    strangers: int
    """People of whom the room's server told and whom the intake does not know."""

    @property
    def last_word(self) -> tuple[datetime, str] | None:
        """Return when attendance was confirmed or corrected last, and by whom; None while it isn't confirmed."""
        words = [(one.confirmed_at, one.confirmed_by) for one in self.trainees if one.confirmed_at and one.confirmed_by]
        return max(words, default=None)

    @property
    def is_settled(self) -> bool:
        """Tell whether the leader's word stands for everybody."""
        return all(one.presence is not None for one in self.trainees)
