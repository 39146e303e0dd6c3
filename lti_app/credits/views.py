"""An intake as its trainees and its leader see it; attendance and credit, confirmed there."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError, Forbidden, NotFound
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.numbers import row_number
from lti_app.core.paging import asked_page, page_of
from lti_app.core.permissions import Actor, Permission, Role, needs
from lti_app.credits.beside import SOURCES
from lti_app.credits.cards import CreditState, IntakeOverview, MeetingOverview, TraineeOverview, due_today
from lti_app.credits.next_steps import next_steps
from lti_app.credits.overview import intake_overview, meeting_overview, reversal_overview, trainee_overview
from lti_app.credits.seminar_section import NOTHING_REFUSED, RefusedGuests, guest_section
from lti_app.credits.service import (
    LONGEST_REASON,
    confirm_credits,
    put_forward_again,
    record_attendance,
    reverse_entry,
)
from lti_app.credits.trainee_slots import WhosePage, slots_of
from lti_app.intakes.messages import messages_to
from lti_app.intakes.outsiders import adopt, dismiss, outsiders_of
from lti_app.intakes.places import exchange_is_stopped, site_of
from lti_app.meetings.arriving import arrivals_of
from lti_app.meetings.correcting import LONGEST_REASON as LONGEST_CORRECTION
from lti_app.meetings.correcting import corrections_of
from lti_app.meetings.feedback import meetings_to_rate
from lti_app.meetings.guests import is_guest
from lti_app.meetings.models import Meeting, Presence
from lti_app.meetings.service import find_meeting
from lti_app.meetings.stays import StayRules
from lti_app.meetings.words import HISTORY
from lti_app.notices.start import own_start
from lti_app.programmes.models import Mode

SEARCH_FROM = 50
"""Lists longer than this are searched and paged."""

blueprint = Blueprint("credits", __name__, template_folder="templates")


@blueprint.get("/intakes/<int:intake_id>")
@needs(Permission.SIGNED_IN)
def intake(intake_id: int) -> str:
    """Show an intake in the role that this person has there; ``?as=trainee`` or ``leader`` where they have both."""
    roles = roles_in(intake_id, actor())
    asked = request.args.get("as")
    role = next((role for role in roles if role.value == asked), roles[0])
    other = next((one for one in roles if one is not role), None)
    return leader_page(intake_id, other) if role is Role.LEADER else trainee_page(intake_id, other)


def roles_in(intake_id: int, who: Actor) -> list[Role]:
    """Return the roles that ``who`` has in an intake, the leader's first. Raises NotFound, Forbidden if none."""
    site_id = site_of(db_session(), intake_id)
    if site_id is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    roles = []
    if site_id in who.led_site_ids and who.may(Permission.RUN_INTAKES):
        roles.append(Role.LEADER)
    if intake_id in who.trainee_intake_ids and who.may(Permission.OWN_RECORD):
        roles.append(Role.TRAINEE)
    if not roles:
        raise Forbidden(
            "not_your_intake",
            _l("You have no place in this intake."),
            remedy=_l("It is open to its trainees and to the leader of its site."),
        )
    return roles


def trainee_page(intake_id: int, other: Role | None = None) -> str:
    """Show a trainee what to do next and how many hours are missing."""
    session, who = db_session(), actor()
    overview = trainee_overview(session, intake_id=intake_id, actor=who, now=now(), rules=StayRules.of(tool().settings))
    person_id = who.require_person()
    waiting = hours_waiting(overview)
    slots = slots_of(
        session,
        WhosePage(intake_id, overview.trainee_id, person_id, now(), tool().settings.zone, not overview.hours_missing),
        SOURCES,
    )
    return render_template(
        "credits/trainee.html",
        intake=overview,
        to_rate=meetings_to_rate(session, person_id=person_id, now=now()),
        arrivals=arrivals_of(session, overview.trainee_id),
        corrections=corrections_of(session, [meeting.meeting_id for meeting in overview.meetings], overview.trainee_id),
        hours_waiting=waiting,
        steps=next_steps(overview, hours_waiting=waiting, further=slots.steps),
        slots=slots,
        written=messages_to(session, intake_id=intake_id, person_id=person_id),
        start=own_start(session, who, tool().settings),
        other_role=other,
        CreditState=CreditState,
    )


def hours_waiting(overview: TraineeOverview) -> Decimal:
    """Return the hours of meetings that have ended without the leader's word yet."""
    return sum(
        (
            meeting.hours
            for meeting in overview.meetings
            if meeting.phase.value == "past"
            and meeting.presence is None
            and (meeting.joined_at or not meeting.opens_at)
        ),
        Decimal(0),
    )


def leader_page(
    intake_id: int, other: Role | None = None, *, ticked: set[int] | None = None, refusal: DomainError | None = None
) -> str:
    """Show the leader what waits, the trainees and the meetings; ``ticked`` keeps a refused choice of proposals."""
    overview = intake_overview(db_session(), intake_id=intake_id, actor=actor(), now=now())
    query = request.args.get("q", "").strip()
    found = [row for row in overview.trainees if query.casefold() in f"{row.name} {row.organisation or ''}".casefold()]
    current = {line.proposal_id for line in overview.proposals if line.is_current}
    return render_template(
        "credits/leader.html",
        intake=overview,
        page=page_of(found, request.args.get("page", type=asked_page)),
        query=query,
        searchable=len(overview.trainees) > SEARCH_FROM,
        ticked=current if ticked is None else ticked & current,
        other_role=other,
        refusal=refusal,
        shown=shown_numbers(overview),
        behind=[row.trainee_id for row in overview.trainees if row.is_behind],
        outsiders=outsiders_of(db_session(), intake_id=intake_id, today=now().astimezone(tool().settings.zone).date()),
        today=due_today(overview.meetings, now=now(), zone=tool().settings.zone),
    )


def shown_numbers(overview: IntakeOverview) -> dict[str, int]:
    """Return the numbers at the head of the leader's page."""
    here = [row for row in overview.trainees if not row.has_left]
    return {
        "trainees": len(here),
        "credited": sum(row.hours_credited > 0 for row in here),
        "behind": sum(row.is_behind for row in here),
    }


@blueprint.post("/intakes/<int:intake_id>/credits")
@needs(Permission.RUN_INTAKES)
def confirm(intake_id: int) -> Response:
    """Credit the ticked proposals: ledger, then Moodle's gradebook."""
    chosen = set(request.form.getlist("proposal", type=row_number))
    keep_form(lambda refusal: leader_page(intake_id, ticked=chosen, refusal=refusal))
    if not chosen:
        actor().require_site(site_of(db_session(), intake_id) or 0)
        raise DomainError(
            "nothing_chosen",
            _l("Nobody is ticked."),
            remedy=_l("Tick those whose hours are to be credited."),
            field="proposal",
        )
    credited = confirm_credits(db_session(), intake_id=intake_id, proposal_ids=chosen, actor=actor(), now=now())
    if exchange_is_stopped(db_session(), intake_id):
        words = ngettext(
            "Credited: %(num)s trainee. The exchange with Moodle is stopped: the grade goes there once it is resumed.",
            "Credited: %(num)s trainees. The exchange with Moodle is stopped: the grades go there once it is resumed.",
            credited,
        )
    else:
        words = ngettext(
            "Credited: %(num)s trainee. The grade is on its way to Moodle.",
            "Credited: %(num)s trainees. The grades are on their way to Moodle.",
            credited,
        )
    flash(words, "success")
    return see_other(url_for("credits.intake", intake_id=intake_id) + "?as=leader")


@blueprint.post("/intakes/<int:intake_id>/outsiders")
@needs(Permission.RUN_INTAKES)
def outsiders(intake_id: int) -> Response:
    """Take people who are in the course by other means in as trainees, or remember that they are none."""
    chosen = set(request.form.getlist("outsider", type=row_number))
    keep_form(lambda refusal: leader_page(intake_id, refusal=refusal))
    decision = request.form.get("do")
    if decision == "adopt":
        taken = adopt(
            db_session(), intake_id=intake_id, outsider_ids=chosen, actor=actor(), now=now(), zone=tool().settings.zone
        )
        names = ", ".join(trainee.person.full_name for trainee in taken)
        flash(gettext("Trainees now: %(names)s.", names=names), "success")
        return see_other(url_for("credits.intake", intake_id=intake_id) + "?as=leader#trainees")
    dismiss(
        db_session(),
        intake_id=intake_id,
        outsider_ids=chosen,
        is_dismissed=decision == "dismiss",
        actor=actor(),
        now=now(),
    )
    return see_other(url_for("credits.intake", intake_id=intake_id) + "?as=leader#outsiders")


@blueprint.get("/intakes/<int:intake_id>/ledger")
@needs(Permission.RUN_INTAKES)
def ledger(intake_id: int) -> str:
    """Show the leader every entry of an intake's ledger, the newest first; ``?q=`` finds a trainee's."""
    overview = intake_overview(db_session(), intake_id=intake_id, actor=actor(), now=now())
    query = request.args.get("q", "").strip()
    found = [line for line in reversed(overview.credits) if query.casefold() in line.name.casefold()]
    return render_template(
        "credits/ledger.html",
        intake=overview,
        page=page_of(found, request.args.get("page", type=asked_page)),
        query=query,
        searchable=len(overview.credits) > SEARCH_FROM,
    )


@blueprint.route("/credits/<int:entry_id>/reversal", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def reverse(entry_id: int) -> Response:
    """Say what taking back an entry would do, and take it back for a reason."""
    if request.method == "GET":
        return make_response(reversal_page(entry_id))
    reason = request.form.get("reason", "")
    keep_form(lambda refusal: reversal_page(entry_id, reason=reason, refusal=refusal))
    entry = reverse_entry(db_session(), entry_id=entry_id, reason=reason, actor=actor(), now=now())
    intake_id = entry.trainee.intake_id
    if exchange_is_stopped(db_session(), intake_id):
        words = gettext(
            "The credit is taken back. The exchange with Moodle is stopped: the new grade goes there once it is "
            "resumed."
        )
    else:
        words = gettext("The credit is taken back. The new grade is on its way to Moodle.")
    flash(words, "success")
    return see_other(url_for("credits.ledger", intake_id=intake_id))


def reversal_page(entry_id: int, *, reason: str = "", refusal: DomainError | None = None) -> str:
    """Show the form that takes an entry back; ``reason`` keeps what was typed."""
    overview = reversal_overview(db_session(), entry_id=entry_id, actor=actor())
    return render_template(
        "credits/reversal.html", overview=overview, reason=reason, refusal=refusal, longest_reason=LONGEST_REASON
    )


@blueprint.post("/trainees/<int:trainee_id>/proposal")
@needs(Permission.RUN_INTAKES)
def put_forward(trainee_id: int) -> Response:
    """Put hours that were taken back forward for credit again."""
    proposal = put_forward_again(db_session(), trainee_id=trainee_id, actor=actor(), now=now())
    flash(gettext("The hours stand under “Hours to credit” again."), "success")
    return see_other(url_for("credits.intake", intake_id=proposal.trainee.intake_id) + "?as=leader#credit")


@blueprint.get("/meetings/<int:meeting_id>")
@needs(Permission.SIGNED_IN)
def meeting(meeting_id: int) -> str | Response:
    """Show the leader who came; lead a trainee to the intake, a guest to the seminar, a host to their page."""
    found = find_meeting(db_session(), meeting_id)
    intake_id = found.intake_id
    if found.intake.version.programme.site_id not in actor().led_site_ids:
        if found.host_id is not None and found.host_id == actor().person_id:  # has a page to hold it by
            page = "arrivals.code" if found.mode is Mode.ON_SITE else "rooms.host"
            return see_other(url_for(page, meeting_id=meeting_id))
        if is_guest(db_session(), meeting_id, actor()):
            return see_other(url_for("seminars.seminar", meeting_id=meeting_id))
    if Role.LEADER in roles_in(intake_id, actor()):
        return meeting_page(meeting_id)
    return see_other(url_for("credits.intake", intake_id=intake_id, _anchor=f"meeting-{meeting_id}"))


def meeting_page(
    meeting_id: int,
    *,
    ticked: set[int] | None = None,
    reason: str = "",
    refusal: DomainError | None = None,
    refused_guests: RefusedGuests = NOTHING_REFUSED,
) -> str:
    """Show a meeting; ``ticked`` and ``reason`` keep a refused list of those present, ``refused_guests`` of guests."""
    rules = StayRules.of(tool().settings)
    overview = meeting_overview(db_session(), meeting_id=meeting_id, actor=actor(), now=now(), rules=rules)
    planned = db_session().get_one(Meeting, meeting_id)
    return render_template(
        "credits/meeting.html",
        planned=planned,
        history=history_of(db_session(), planned, words=HISTORY),
        overview=overview,
        meeting=overview.meeting,
        ticked=preselected(overview) if ticked is None else ticked,
        reason=reason,
        longest_reason=LONGEST_CORRECTION,
        corrections=corrections_of(db_session(), [meeting_id]),
        refusal=refusal,
        Presence=Presence,
        guests=guest_section(db_session(), meeting_id=meeting_id, actor=actor(), now=now(), rules=rules),
        refused_guests=refused_guests,
    )


def preselected(overview: MeetingOverview) -> set[int]:
    """Return who is ticked at first: as confirmed, else as the join log suggests."""
    return {
        person.trainee_id for person in overview.trainees if (person.presence or person.suggested) is Presence.PRESENT
    }


@blueprint.post("/meetings/<int:meeting_id>/attendance")
@needs(Permission.RUN_INTAKES)
def attendance(meeting_id: int) -> Response:
    """Confirm the whole list at once: those ticked were there, the others not."""
    present = set(request.form.getlist("present", type=row_number))
    reason = request.form.get("reason", "")
    keep_form(lambda refusal: meeting_page(meeting_id, ticked=present, reason=reason, refusal=refusal))
    record_attendance(db_session(), meeting_id=meeting_id, present=present, actor=actor(), now=now(), reason=reason)
    flash(gettext("The attendance is confirmed."), "success")
    return see_other(url_for("credits.meeting", meeting_id=meeting_id))
