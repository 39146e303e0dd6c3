"""One meeting: edited, moved to another time, cancelled, planned again (4.2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.models import Trainee
from lti_app.meetings.changing import (
    LONGEST_REASON,
    Done,
    Scope,
    cancel_meeting,
    edit_meeting,
    following,
    meeting_to_change,
    move_meeting,
    restore_meeting,
)
from lti_app.meetings.clashes import Clash, trainees_of
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.reading import Hosts, MeetingForm, form_of, read_meeting, starts_at_of, terms_from
from lti_app.meetings.schedule_views import clashes_of, words_of
from lti_app.meetings.telling import people_concerned
from lti_app.meetings.terms import MeetingTerms, terms_of
from lti_app.sites.service import leader_of

blueprint = Blueprint("meeting_changes", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()

Read = TypeVar("Read")


@blueprint.route("/meetings/<int:meeting_id>/edit", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def edit(meeting_id: int) -> Response:
    """Edit what a meeting says, but its time."""
    meeting = _meeting(meeting_id)
    if request.method == "GET":
        return make_response(_page("edit", meeting, form_of(meeting, tool().settings.zone)))
    form = read_meeting(request.form)
    form.values |= {name: form_of(meeting, tool().settings.zone).values[name] for name in ("day", "at")}
    keep_form(_again("edit", meeting_id, form))
    terms = _sound(terms_from(form, Hosts(db_session()), tool().settings.zone))
    if request.form.get("step") == "check":
        return make_response(_page("edit", meeting, form, clashes=_clashes(meeting, terms)))
    done = edit_meeting(db_session(), meeting_id, terms, seen=_seen(), scope=_scope(), **_who())
    return _back(meeting, done, gettext("Saved."))


@blueprint.route("/meetings/<int:meeting_id>/move", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def move(meeting_id: int) -> Response:
    """Move a meeting to another time, and elsewhere if that is wished."""
    meeting = _meeting(meeting_id)
    if request.method == "GET":
        return make_response(_page("move", meeting, form_of(meeting, tool().settings.zone)))
    typed = read_meeting(request.form)
    form = form_of(meeting, tool().settings.zone)
    form.values |= {name: typed.values[name] for name in ("day", "at", "place")}
    keep_form(_again("move", meeting_id, form))
    to = _sound(starts_at_of(form, tool().settings.zone))
    place = form.values["place"]
    if request.form.get("step") == "check":
        return make_response(_page("move", meeting, form, clashes=_clashes(meeting, terms_of(meeting, to, place))))
    done = move_meeting(db_session(), meeting_id, to, place_or_url=place, seen=_seen(), scope=_scope(), **_who())
    return _back(meeting, done, gettext("Moved."))


@blueprint.route("/meetings/<int:meeting_id>/cancel", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def cancel(meeting_id: int) -> Response:
    """Say whom cancelling a meeting concerns, and cancel it."""
    meeting = _meeting(meeting_id)
    form = MeetingForm("", {"reason": request.form.get("reason", "")})
    if request.method == "GET":
        return make_response(_page("cancel", meeting, form))
    keep_form(_again("cancel", meeting_id, form))
    done = cancel_meeting(
        db_session(), meeting_id, reason=form.values["reason"], seen=_seen(), scope=_scope(), **_who()
    )
    return _back(meeting, done, gettext("Cancelled."))


@blueprint.post("/meetings/<int:meeting_id>/restore")
@needs(Permission.RUN_INTAKES)
def restore(meeting_id: int) -> Response:
    """Plan a cancelled meeting again."""
    meeting = _meeting(meeting_id)
    keep_form(_again("cancel", meeting_id, MeetingForm("", {"reason": ""})))
    done = restore_meeting(db_session(), meeting_id, seen=_seen(), **_who())
    return _back(meeting, done, gettext("The meeting is planned again."))


def _meeting(meeting_id: int) -> Meeting:
    return meeting_to_change(db_session(), meeting_id, actor=actor())


def _who() -> dict[str, Any]:
    return {"actor": actor(), "now": now(), "zone": tool().settings.zone}


def _seen() -> int | None:
    return request.form.get("revision", type=row_number)


def _scope() -> Scope:
    return request.form.get("scope", Scope.ONE, type=Scope)


def _sound(read: Read | None) -> Read:
    if read is None:
        raise DomainError(
            "form_has_errors",
            _l("Some fields can't be saved as they stand."),
            remedy=_l("Mend what is marked below. What you typed is still on this page, but not saved yet."),
            field="form",
        )
    return read


def _again(page: str, meeting_id: int, form: MeetingForm) -> Callable[[DomainError], str]:
    def again(refusal: DomainError) -> str:
        if refusal.field and refusal.field not in ("form", "scope"):
            form.refuse(refusal)
        return _page(page, _meeting(meeting_id), form, refusal)

    return again


def _clashes(meeting: Meeting, terms: MeetingTerms) -> list[Clash]:
    leader = leader_of(db_session(), meeting.intake.version.programme.site_id)
    alone = db_session().get(Trainee, meeting.only_for_id) if meeting.only_for_id is not None else None
    people = frozenset({alone.person_id}) if alone else None
    found = clashes_of(meeting.intake, {"": terms}, leader.id if leader else None, meeting.id, people)
    return found.get("", [])


def _back(meeting: Meeting, done: Done, said: str) -> Response:
    if not done.meetings:
        flash(gettext("Nothing was changed."), "info")
    else:
        told = ngettext("%(num)s person is told.", "%(num)s people are told.", done.told) if done.told else ""
        flash(f"{said} {told}".strip(), "success")
    return see_other(url_for("schedule.schedule", intake_id=meeting.intake_id) + f"#meeting-{meeting.id}")


def _page(
    name: str,
    meeting: Meeting,
    form: MeetingForm,
    refusal: DomainError | None = None,
    clashes: Sequence[Clash] | None = None,
) -> str:
    session = db_session()
    chosen = following(session, meeting)
    typed = _seen()
    shown = refusal.revision if isinstance(refusal, EditedMeanwhile) else typed
    return render_template(
        f"meetings/{name}.html",
        meeting=meeting,
        intake=meeting.intake,
        form=form,
        revision=meeting.revision if shown is None else shown,
        scope=_scope().value,
        following=len(chosen),
        last=chosen[-1],
        concerned=len(people_concerned(session, [meeting]) - {actor().person_id}),
        enrolled=len(trainees_of(session, meeting.intake_id)),
        is_over=meeting.ends_at <= now(),
        is_made_on_demand=meeting.room_kind is not RoomKind.LINK and meeting.mode.value == "distance",
        longest_reason=LONGEST_REASON,
        clashes=clashes,
        refusal=refusal,
        **words_of(meeting.intake),
    )
