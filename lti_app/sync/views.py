"""The administrator's pages: did the night go well, what failed, what waits for approval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import Unavailable
from lti_app.core.forms import see_other
from lti_app.core.paging import Page, asked_page, page_number
from lti_app.core.permissions import Permission, needs
from lti_app.credits.outstanding import undelivered_scores
from lti_app.sync import safety, service
from lti_app.sync.difference import difference_from_earlier
from lti_app.sync.lock import LockHeld
from lti_app.sync.models import RunStatus, SyncChange, SyncRun
from lti_app.sync.names import names_of_persons, names_of_targets, names_of_users, users_in
from lti_app.sync.questions import count_open
from lti_app.sync.trends import trends
from lti_app.sync.words import notes_words

CHANGES_A_PAGE = 50
RUNS_SHOWN = 20
FAILURES_SHOWN = 5

Changes = Sequence[SyncChange] | Sequence[service.Planned]
Found = TypeVar("Found")

blueprint = Blueprint("sync", __name__, template_folder="templates")


@blueprint.get("/sync")
@needs(Permission.SEE_SYNC)
def runs() -> str:
    """Show the last runs, what is held and why, and a button to start a run."""
    session = db_session()
    recent = service.recent_runs(session, actor=actor(), now=now(), limit=RUNS_SHOWN)
    moodles = service.moodles(session, actor=actor())
    newest = {moodle.id: next((run for run in recent if run.moodle_id == moodle.id), None) for moodle in moodles}
    return render_template(
        "sync/runs.html",
        runs=recent,
        moodles=moodles,
        newest=newest,
        decisions=service.decisions_on(session, recent),
        undelivered={moodle.id: undelivered_scores(session, moodle.id) for moodle in moodles},
        trends=trends(session, newest, zone=tool().settings.zone, now=now()),
        held=service.held_plans(session, actor=actor()),
        questions=count_open(session, actor=actor(), with_candidates=True),
        notes={run.id: len(notes_words(run.notes, {})) for run in newest.values() if run},
        failures={run.id: _failures(run) for run in newest.values() if run and run.status is RunStatus.FAILED_SOME},
    )


def _failures(run: SyncRun) -> dict[str, Any]:
    detail = service.run_detail(db_session(), run.id, actor=actor(), now=now(), only_failed=True, limit=FAILURES_SHOWN)
    return {
        "changes": detail.changes,
        "total": detail.failures_total,
        "names": _names(run, detail.changes),
        "people": _people(detail.changes),
    }


def _names(run: SyncRun, changes: Changes) -> dict[int, str]:
    return names_of_users(db_session(), run.moodle_id, users_in(change.target for change in changes))


def _people(changes: Changes) -> dict[int, str]:
    return names_of_targets(db_session(), (change.target for change in changes))


def _page_of(read: Callable[[int], tuple[Found, int]], asked: int) -> tuple[Found, int, int]:
    """Return what ``read`` finds on a page, the page's number and the total; the last page where there are fewer."""
    found, total = read((asked - 1) * CHANGES_A_PAGE)
    number = page_number(asked, total, CHANGES_A_PAGE)
    if number != asked:
        found, total = read((number - 1) * CHANGES_A_PAGE)
    return found, number, total


@blueprint.get("/sync/runs/<int:run_id>")
@needs(Permission.SEE_SYNC)
def run(run_id: int) -> str:
    """Show one run with its changes, failed ones first, by pages."""
    only_failed = request.args.get("only") == "failed"
    asked = request.args.get("page", default=1, type=asked_page)
    session = db_session()

    def changes(offset: int) -> tuple[service.RunDetail, int]:
        found = service.run_detail(
            session,
            run_id,
            actor=actor(),
            now=now(),
            only_failed=only_failed,
            offset=offset,
            limit=CHANGES_A_PAGE,
        )
        return found, found.failures_total if only_failed else found.changes_total

    detail, number, total = _page_of(changes, asked)
    shown: Changes = detail.changes
    if is_plan := detail.run.status is RunStatus.HELD and not detail.changes_total:
        shown, number, total = _page_of(
            lambda offset: service.planned_changes(session, detail.run, offset=offset, limit=CHANGES_A_PAGE), asked
        )
    persons = names_of_persons(session, detail.run.notes)
    difference = difference_from_earlier(session, detail.run)
    return render_template(
        "sync/run.html",
        run=detail.run,
        page=Page(shown, number, total, CHANGES_A_PAGE),
        is_plan=is_plan,
        decisions=service.decisions_on(session, [detail.run]),
        failures_total=detail.failures_total,
        changes_total=detail.changes_total,
        only_failed=only_failed,
        names=_names(detail.run, shown),
        people=_people(shown),
        notes=notes_words(detail.run.notes, persons),
        difference=difference,
        new_notes=notes_words(difference.notes, persons) if difference else [],
        somebody_not_found=any(note.get("code") == "person_not_found" for note in detail.run.notes),
    )


@blueprint.get("/sync/runs/<int:run_id>/progress")
@needs(Permission.SEE_SYNC)
def progress(run_id: int) -> str:
    """Give the part of the page that shows how far a run is; it is asked for again and again."""
    detail = service.run_detail(db_session(), run_id, actor=actor(), now=now(), limit=0)
    return render_template("sync/_progress.html", run=detail.run)


@blueprint.post("/sync/plans/<int:held_plan_id>/approve")
@needs(Permission.APPROVE_SYNC)
def approve(held_plan_id: int) -> Response:
    """Let a held plan be applied, and start the run that does so."""
    held = service.approve_plan(db_session(), held_plan_id=held_plan_id, actor=actor(), now=now())
    if held.moodle.stopped_at is not None:
        flash(gettext("The plan is approved. It is carried out once the exchange is allowed again."), "warning")
        return see_other(url_for("sync.runs"))
    return _begin(
        held.moodle_id,
        begun=gettext("The plan is approved; a run that applies it has been started."),
        held=gettext("The plan is approved. Another run is under way; the one after it applies the plan."),
        unqueued=gettext("The plan is approved. The queue of jobs does not answer now, so the next night applies it."),
    )


@blueprint.post("/sync/moodles/<int:moodle_id>/stop")
@needs(Permission.APPROVE_SYNC)
def stop(moodle_id: int) -> Response:
    """Let no night write to a Moodle until somebody lets it go on."""
    reason = request.form.get("reason", "")
    safety.stop_nights(db_session(), moodle_id=moodle_id, reason=reason, actor=actor(), now=now())
    flash(gettext("The exchange is stopped: nothing is changed in Moodle until it is allowed again."), "success")
    return see_other(url_for("sync.runs"))


@blueprint.post("/sync/moodles/<int:moodle_id>/resume")
@needs(Permission.APPROVE_SYNC)
def resume(moodle_id: int) -> Response:
    """Let nights write to a Moodle again."""
    safety.resume_nights(db_session(), moodle_id=moodle_id, actor=actor(), now=now())
    flash(gettext("The exchange is allowed again."), "success")
    return see_other(url_for("sync.runs"))


@blueprint.post("/sync/moodles/<int:moodle_id>/run")
@needs(Permission.APPROVE_SYNC)
def start(moodle_id: int) -> Response:
    """Start a night's work now, in the background."""
    service.check_may_start(db_session(), moodle_id=moodle_id, actor=actor())
    return _begin(
        moodle_id,
        begun=gettext("The run has been started."),
        held=gettext("A run is under way already; no second one has been started."),
    )


def _begin(moodle_id: int, *, begun: str, held: str, unqueued: str = "") -> Response:
    """Begin a run, so that the page which comes next shows it; say ``held`` where another one has the lock.

    Where the broker does not answer ``unqueued`` is said; raises Unavailable if there is nothing to say.
    """
    db_session().commit()  # the run sees what was decided, and writes its row in a transaction of its own
    try:
        tool().services["start_run"](moodle_id)
    except LockHeld:
        flash(held, "warning")
    except Unavailable:
        if not unqueued:
            raise
        flash(unqueued, "warning")
    else:
        flash(begun, "success")
    return see_other(url_for("sync.runs"))
