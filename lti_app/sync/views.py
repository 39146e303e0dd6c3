"""The administrator's pages: did the night go well, what failed, what waits for approval."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.errors import Unavailable
from lti_app.core.forms import see_other
from lti_app.core.paging import Page, asked_page, page_number
from lti_app.core.permissions import Permission, needs
from lti_app.credits.outstanding import undelivered_scores
from lti_app.sync import service
from lti_app.sync.models import RunStatus, SyncChange, SyncRun
from lti_app.sync.names import names_of_persons, names_of_users, users_in
from lti_app.sync.words import notes_words

CHANGES_A_PAGE = 50
RUNS_SHOWN = 20
FAILURES_SHOWN = 5

blueprint = Blueprint("sync", __name__, template_folder="templates")


@blueprint.get("/sync")
@needs(Permission.SEE_SYNC)
def runs() -> str:
    """Show the last runs, what is held and why, and a button to start a run."""
    session = db_session()
    recent = service.recent_runs(session, actor=actor(), limit=RUNS_SHOWN)
    moodles = service.moodles(session, actor=actor())
    newest = {moodle.id: next((run for run in recent if run.moodle_id == moodle.id), None) for moodle in moodles}
    return render_template(
        "sync/runs.html",
        runs=recent,
        moodles=moodles,
        newest=newest,
        undelivered={moodle.id: undelivered_scores(session, moodle.id) for moodle in moodles},
        held=service.held_plans(session, actor=actor()),
        notes={run.id: len(notes_words(run.notes, {})) for run in newest.values() if run},
        failures={run.id: _failures(run) for run in newest.values() if run and run.status is RunStatus.FAILED_SOME},
    )


def _failures(run: SyncRun) -> dict[str, Any]:
    detail = service.run_detail(db_session(), run.id, actor=actor(), only_failed=True, limit=FAILURES_SHOWN)
    return {"changes": detail.changes, "total": detail.failures_total, "names": _names(run, detail.changes)}


def _names(run: SyncRun, changes: list[SyncChange]) -> dict[int, str]:
    return names_of_users(db_session(), run.moodle_id, users_in(change.target for change in changes))


@blueprint.get("/sync/runs/<int:run_id>")
@needs(Permission.SEE_SYNC)
def run(run_id: int) -> str:
    """Show one run with its changes, failed ones first, by pages."""
    only_failed = request.args.get("only") == "failed"
    asked = request.args.get("page", default=1, type=asked_page)
    session = db_session()
    show = partial(service.run_detail, session, run_id, actor=actor(), only_failed=only_failed, limit=CHANGES_A_PAGE)
    detail = show(offset=(asked - 1) * CHANGES_A_PAGE)
    total = detail.failures_total if only_failed else detail.changes_total
    number = page_number(asked, total, CHANGES_A_PAGE)
    if number != asked:
        detail = show(offset=(number - 1) * CHANGES_A_PAGE)
    not_found = names_of_persons(session, detail.run.notes)
    return render_template(
        "sync/run.html",
        run=detail.run,
        page=Page(detail.changes, number, total, CHANGES_A_PAGE),
        failures_total=detail.failures_total,
        changes_total=detail.changes_total,
        only_failed=only_failed,
        names=_names(detail.run, detail.changes),
        notes=notes_words(detail.run.notes, not_found),
        somebody_not_found=bool(not_found),
    )


@blueprint.get("/sync/runs/<int:run_id>/progress")
@needs(Permission.SEE_SYNC)
def progress(run_id: int) -> str:
    """Give the part of the page that shows how far a run is; it is asked for again and again."""
    detail = service.run_detail(db_session(), run_id, actor=actor(), limit=0)
    return render_template("sync/_progress.html", run=detail.run)


@blueprint.post("/sync/plans/<int:held_plan_id>/approve")
@needs(Permission.APPROVE_SYNC)
def approve(held_plan_id: int) -> Response:
    """Let a held plan be applied, and start the run that does so."""
    held = service.approve_plan(db_session(), held_plan_id=held_plan_id, actor=actor(), now=now())
    db_session().commit()  # the run that starts now has to see the approval
    try:
        tool().services["start_run"](held.moodle_id)
    except Unavailable:
        text = gettext("The plan is approved. The queue of jobs does not answer now, so the next night applies it.")
        flash(text, "warning")
    else:
        flash(gettext("The plan is approved; a run that applies it has been started."), "success")
    return see_other(url_for("sync.runs"))


@blueprint.post("/sync/moodles/<int:moodle_id>/run")
@needs(Permission.APPROVE_SYNC)
def start(moodle_id: int) -> Response:
    """Start a night's work now, in the background."""
    service.check_may_start(db_session(), moodle_id=moodle_id, actor=actor())
    tool().services["start_run"](moodle_id)
    flash(gettext("The run has been started."), "success")
    return see_other(url_for("sync.runs"))
