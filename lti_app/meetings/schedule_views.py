"""The schedule of an intake: looked at, drafted from the plan, and changed meeting by meeting (4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import format_date, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.fullness import intake_to_see
from lti_app.intakes.models import Intake
from lti_app.meetings.changing import RowsRefused, check_rows, intake_to_schedule, plan_meetings
from lti_app.meetings.clashes import Clash, Slot, find_clashes, room_of, trainees_of
from lti_app.meetings.papers import schedule_asks, schedule_paper
from lti_app.meetings.planning import from_local
from lti_app.meetings.reading import (
    AT_FIRST,
    PATTERN_FIELDS,
    Hosts,
    MeetingForm,
    PatternForm,
    copied_row,
    pattern_from,
    read_meeting,
    read_pattern,
    read_rows,
    rows_of,
    terms_from,
    topics_from,
)
from lti_app.meetings.schedule import (
    TopicStanding,
    meetings_of,
    schedule_of,
    standings,
    suggested_hosts,
)
from lti_app.meetings.scheduling import MOST_MEETINGS, draft, weekly
from lti_app.meetings.terms import MeetingTerms
from lti_app.papers.page import paper_answer
from lti_app.programmes.models import FORM_NAMES, MODE_NAMES
from lti_app.sites.service import leader_of

blueprint = Blueprint("schedule", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()

MONDAY = date(2024, 1, 1)
MOST_WEEKS = 60


def today() -> date:
    """Return the municipality's date."""
    return now().astimezone(tool().settings.zone).date()


@blueprint.get("/intakes/<int:intake_id>/schedule")
@needs(Permission.SEE_INTAKES)
def schedule(intake_id: int) -> str:
    """Show the schedule of an intake; the leader sees what is in the way of meetings, and individual ones, too."""
    session = db_session()
    intake = intake_to_see(session, intake_id, actor=actor())
    leads = intake.version.programme.site_id in actor().led_site_ids
    meetings = meetings_of(session, intake.id, with_individual=leads)
    return render_template(
        "meetings/schedule.html",
        intake=intake,
        lines=schedule_of(session, intake, meetings, now=now()),
        standings=standings(intake.version.topics, meetings),
        leads=leads,
    )


@blueprint.get("/intakes/<int:intake_id>/schedule/paper")
@needs(Permission.SEE_INTAKES)
def paper(intake_id: int) -> Response:
    """Print the schedule of an intake (4.2)."""
    session = db_session()
    intake = intake_to_see(session, intake_id, actor=actor())
    return paper_answer(
        lambda typed: schedule_paper(session, intake, today(), typed, tool().settings.zone),
        schedule_asks(session, intake, today()),
        back=url_for("schedule.schedule", intake_id=intake.id),
    )


@blueprint.route("/intakes/<int:intake_id>/schedule/draft", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def drafting(intake_id: int) -> Response:
    """Show the pattern; lay the plan out by it; do what the buttons of the rows ask; save all rows or none."""
    intake = intake_to_schedule(db_session(), intake_id, actor=actor())
    lacking = _lacking(intake)
    if request.method == "GET":
        return make_response(pattern_page(intake, lacking, _pattern_at_first(intake, lacking)))
    pattern, step = read_pattern(request.form), request.form.get("step", "check")
    if step == "pattern":
        return make_response(pattern_page(intake, lacking, pattern))
    if step == "lay":
        return make_response(_laid_out(intake, lacking, pattern))
    rows = read_rows(request.form)
    verb, _, key = step.partition(":")
    if verb == "remove":
        rows = [row for row in rows if row.key != key]
    elif verb == "add" and len(rows) < MOST_MEETINGS:
        rows.append(copied_row(rows, next((one.topic for one in lacking if one.missing), None)))
    elif verb == "save":
        return _saved(intake_id, pattern, rows)
    return make_response(rows_page(intake, pattern, rows))


def _saved(intake_id: int, pattern: PatternForm, rows: list[MeetingForm]) -> Response:
    session, zone = db_session(), tool().settings.zone

    def again(refusal: DomainError) -> str:
        if isinstance(refusal, RowsRefused):
            for place, refusals in refusal.by_row.items():
                for one in refusals:
                    rows[place].refuse(one)
        return rows_page(intake_to_schedule(db_session(), intake_id, actor=actor()), pattern, rows, refusal)

    keep_form(again)
    terms = _terms(rows)
    made = plan_meetings(session, intake_id, terms, actor=actor(), now=now(), zone=zone)
    flash(
        ngettext("%(num)s meeting is in the schedule now.", "%(num)s meetings are in the schedule now.", len(made)),
        "success",
    )
    return see_other(url_for("schedule.schedule", intake_id=intake_id))


def _terms(rows: Sequence[MeetingForm]) -> list[MeetingTerms]:
    hosts, zone = Hosts(db_session()), tool().settings.zone
    terms = [terms_from(row, hosts, zone) for row in rows]
    if any(row.errors for row in rows):
        raise DomainError(
            "form_has_errors",
            _l("Some fields can't be saved as they stand."),
            remedy=_l("Mend what is marked below. What you typed is still on this page, but not saved yet."),
            field="rows",
        )
    return [one for one in terms if one is not None]


def _lacking(intake: Intake) -> list[TopicStanding]:
    return standings(intake.version.topics, meetings_of(db_session(), intake.id, with_individual=False))


def _pattern_at_first(intake: Intake, lacking: Sequence[TopicStanding]) -> PatternForm:
    last = max((one.starts_at for one in meetings_of(db_session(), intake.id, with_individual=False)), default=None)
    after = last.astimezone(tool().settings.zone).date() + timedelta(days=1) if last else intake.starts_on
    first_day = min(max(intake.starts_on, today(), after), intake.ends_on)
    return PatternForm(
        {**dict.fromkeys(PATTERN_FIELDS, ""), **AT_FIRST, "first_day": first_day.isoformat()},
        [str(first_day.weekday())],
        [str(one.topic.id) for one in lacking if one.missing],
        {str(one.topic.id): one.topic.mode.value for one in lacking},
    )


def _laid_out(intake: Intake, lacking: Sequence[TopicStanding], form: PatternForm) -> str:
    pattern = pattern_from(form, intake.starts_on, intake.ends_on)
    if pattern is not None:
        try:
            topics = topics_from(form, {one.topic.id: (one.topic, one.missing) for one in lacking})
            drafted = draft(topics, pattern)
        except DomainError as refusal:
            form.errors[refusal.field or "weekdays"] = refusal.message
        else:
            if len(drafted) > MOST_MEETINGS:
                form.errors["hours"] = _l("That makes more than %(limit)s meetings.", limit=MOST_MEETINGS)
            else:
                return rows_page(intake, form, rows_of(drafted, form), is_new=True)
    return pattern_page(intake, lacking, form)


def pattern_page(intake: Intake, lacking: Sequence[TopicStanding], form: PatternForm) -> str:
    """Show the form of a weekly pattern."""
    return render_template(
        "meetings/pattern.html",
        intake=intake,
        lacking=lacking,
        form=form,
        weekday_names=[(str(number), format_date(MONDAY + timedelta(days=number), "EEEE")) for number in range(7)],
        **words_of(intake),
    )


def words_of(intake: Intake) -> dict[str, Any]:
    """Return what every form of a meeting needs."""
    site = intake.version.programme.site
    return {
        "hosts": suggested_hosts(db_session(), site),
        "leader": leader_of(db_session(), site.id),
        "form_names": FORM_NAMES,
        "mode_names": MODE_NAMES,
        "topics": intake.version.topics,
    }


def rows_page(
    intake: Intake,
    pattern: PatternForm,
    rows: list[MeetingForm],
    refusal: DomainError | None = None,
    *,
    is_new: bool = False,
) -> str:
    """Show the rows of a draft, with what is wrong with each and what is in its way."""
    words, zone = words_of(intake), tool().settings.zone
    clashes = {}
    if refusal is None:
        hosts = Hosts(db_session())
        terms = {row.key: terms_from(row, hosts, zone) for row in rows}
        known = {key: one for key, one in terms.items() if one is not None}
        by_key = {row.key: row for row in rows}
        keys = list(known)
        for place, refusals in check_rows(db_session(), intake, list(known.values()), zone=zone).items():
            for one in refusals:
                by_key[keys[place]].refuse(one)
        clashes = clashes_of(intake, known, words["leader"].id if words["leader"] else None)
    days = [row.values["day"] for row in rows if row.values["day"]]
    return render_template(
        "meetings/rows.html",
        intake=intake,
        pattern=pattern,
        pattern_fields=PATTERN_FIELDS,
        rows=rows,
        clashes=clashes,
        enrolled=len(trainees_of(db_session(), intake.id)),
        refusal=refusal,
        is_new=is_new,
        beyond=sum(day > intake.ends_on.isoformat() for day in days),
        **words,
    )


def clashes_of(
    intake: Intake,
    terms: dict[str, MeetingTerms],
    leader_id: int | None,
    meeting_id: int | None = None,
    people: frozenset[int] | None = None,
) -> dict[str, list[Clash]]:
    """Return what is in the way of meetings that aren't saved yet.

    ``meeting_id`` is the one that they change, ``people`` the persons whom an individual one is for.
    """
    titles = {topic.id: topic.title for topic in intake.version.topics}
    slots = [
        Slot(
            key=f"row {key}",
            starts_at=one.starts_at,
            ends_at=one.starts_at + timedelta(minutes=one.minutes),
            topic=titles.get(one.topic_id, ""),
            host_id=one.host_id or leader_id,
            room=room_of(one.mode, one.place_or_url, one.place_or_url),
            meeting_id=meeting_id,
            people=people,
        )
        for key, one in terms.items()
    ]
    return {key.removeprefix("row "): found for key, found in find_clashes(db_session(), intake, slots).items()}


@blueprint.route("/intakes/<int:intake_id>/schedule/new", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def new(intake_id: int) -> Response:
    """Plan a meeting, or one that is repeated weekly."""
    intake = intake_to_schedule(db_session(), intake_id, actor=actor())
    if request.method == "GET":
        topics = [one.topic for one in _lacking(intake) if one.missing] or intake.version.topics
        form = copied_row([], next(iter(topics), None))
        form.values["day"] = min(max(intake.starts_on, today()), intake.ends_on).isoformat()
        return make_response(new_page(intake, form))
    form = read_meeting(request.form)

    def again(refusal: DomainError) -> str:
        for refusals in refusal.by_row.values() if isinstance(refusal, RowsRefused) else ():
            for one in refusals:
                form.refuse(one)
        return new_page(intake_to_schedule(db_session(), intake_id, actor=actor()), form, refusal)

    keep_form(again)
    rows = _repeated(form)
    if request.form.get("step") == "check":
        return make_response(new_page(intake, form, clashes=_all_clashes(intake, rows)))
    made = plan_meetings(db_session(), intake_id, rows, actor=actor(), now=now(), zone=tool().settings.zone)
    flash(
        ngettext("%(num)s meeting is in the schedule now.", "%(num)s meetings are in the schedule now.", len(made)),
        "success",
    )
    return see_other(url_for("schedule.schedule", intake_id=intake_id) + f"#meeting-{made[0].id}")


def _repeated(form: MeetingForm) -> list[MeetingTerms]:
    (first,) = _terms([form])
    times = request.form.get("times", 1, type=int)
    if not 1 <= times <= MOST_WEEKS:
        raise DomainError(
            "times_out_of_range",
            _l("A meeting is repeated from 1 to %(most)s times.", most=MOST_WEEKS),
            remedy=_l("Give another number."),
            field="times",
        )
    zone = tool().settings.zone
    local = first.starts_at.astimezone(zone).replace(tzinfo=None)
    return [MeetingTerms(**{**vars(first), "starts_at": from_local(one, zone)}) for one in weekly(local, times)]


def _all_clashes(intake: Intake, rows: Sequence[MeetingTerms]) -> list[Clash]:
    leader = leader_of(db_session(), intake.version.programme.site_id)
    found = clashes_of(intake, {str(place): row for place, row in enumerate(rows)}, leader.id if leader else None)
    return [clash for clashes in found.values() for clash in clashes]


def new_page(
    intake: Intake,
    form: MeetingForm,
    refusal: DomainError | None = None,
    clashes: Sequence[Clash] | None = None,
) -> str:
    """Show the form of a new meeting; ``clashes`` once they were looked for."""
    return render_template(
        "meetings/new.html",
        intake=intake,
        form=form,
        times=request.form.get("times", "1"),
        most_weeks=MOST_WEEKS,
        clashes=clashes,
        enrolled=len(trainees_of(db_session(), intake.id)),
        refusal=refusal,
        **words_of(intake),
    )
