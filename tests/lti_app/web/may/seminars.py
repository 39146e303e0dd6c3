"""Who may sign up for open seminars, join as a guest, open a meeting, and decide on guests."""

from __future__ import annotations

from datetime import timedelta

from lti_app.credits.models import EntryKind
from lti_app.credits.seminar_models import SeminarCredit
from lti_app.meetings.models import GuestState, Meeting, MeetingGuest, Presence
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

KNOWN = frozenset({"trainee", "trainee elsewhere", "leader", "leader elsewhere"})
LEADER = frozenset({"leader"})

MAY = {
    ("GET", "seminars.index"): KNOWN,
    ("GET", "seminars.seminar"): KNOWN,
    ("POST", "seminars.sign_up_for"): frozenset(),  # it has begun
    ("POST", "seminars.cancel_it"): frozenset(),  # it has begun
    ("GET", "seminars.open_it"): LEADER,
    ("POST", "seminars.open_it"): frozenset(),  # it has begun
    ("GET", "seminar_hours.mine"): KNOWN,
    ("POST", "seminar_hours.attendance"): LEADER,
    ("POST", "seminar_hours.credit"): frozenset(),  # it isn't over
    ("POST", "seminar_hours.take_guest_off"): frozenset(),  # it has begun
    ("GET", "seminar_hours.reverse"): LEADER,
    ("POST", "seminar_hours.reverse"): LEADER,
}


def values(scene: Scene) -> dict[str, int]:
    """Let the other site's trainee be a guest of the meeting under way, with hours of a meeting of yesterday."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        meeting = session.get_one(Meeting, scene.meeting_id)
        meeting.is_open = True
        here = scene.here
        here.session = session
        session.add_all([here.intake, *here.topics])
        over = here.meeting(topic=1)
        over.is_open = True
        signed_up_at = NOW - timedelta(days=3)
        guests = [
            MeetingGuest(
                meeting_id=one.id,
                person_id=scene.other_trainee.id,
                state=GuestState.SIGNED_UP,
                queued_at=signed_up_at,
                signed_up_at=signed_up_at,
                presence=Presence.PRESENT if one is over else None,
                confirmed_at=NOW if one is over else None,
                confirmed_by_id=here.leader.id if one is over else None,
                is_credited=one is over,
            )
            for one in (meeting, over)
        ]
        session.add_all(guests)
        session.flush()
        credit = SeminarCredit(
            kind=EntryKind.CREDIT,
            guest_id=guests[1].id,
            person_id=scene.other_trainee.id,
            meeting_id=over.id,
            hours=over.hours,
            evidence={},
            decided_by_id=here.leader.id,
            decided_at=NOW,
        )
        session.add(credit)
        session.flush()
        return {"guest_id": guests[0].id, "credit_id": credit.id}
