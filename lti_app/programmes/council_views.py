"""The council's sittings, remarks and decisions (4.2, 8.1)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.papers.page import paper_answer
from lti_app.programmes.council_overview import active_sites, council_desk
from lti_app.programmes.decisions import WORDING, decide_item, word_item
from lti_app.programmes.models import AgendaItem, Decision, Section, Sitting
from lti_app.programmes.papers import protocol_asks, protocol_paper
from lti_app.programmes.remarks import add_remark, answer_remark, settle_remark
from lti_app.programmes.sittings import (
    SittingFacts,
    add_end_of_site,
    add_version,
    call_sitting,
    change_sitting,
    close_sitting,
    item_of,
    remove_item,
    sitting_of,
    sittings,
    waiting_versions,
)
from lti_app.programmes.views import version_page
from lti_app.programmes.words import DECISION_NAMES, HISTORY

blueprint = Blueprint("council", __name__, template_folder="templates")

NAVIGATION = (NavItem("council.desk", _l("Council"), "people", Permission.DISCUSS_PROGRAMMES, place=8),)
FIELDS = ("starts_at", "place", "protocol_number", "chair", "secretary", "present")


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


@blueprint.get("/council")
@needs(Permission.DISCUSS_PROGRAMMES)
def desk() -> str:
    """Show what is on the next agenda, what waits for one, and remarks that wait for a word."""
    return desk_page()


def desk_page(refusal: DomainError | None = None) -> str:
    """Show the council's first page."""
    session, who = db_session(), actor()
    coming, past = sittings(session, actor=who, today=_today())
    return render_template(
        "council/desk.html",
        coming=coming,
        past=past,
        waiting=waiting_versions(session),
        desk=council_desk(session, actor=who),
        values=request.form,
        refusal=refusal,
        today=_today(),
    )


@blueprint.post("/council/sittings")
@needs(Permission.DISCUSS_PROGRAMMES)
def call() -> Response:
    """Call a sitting."""
    keep_form(desk_page)
    sitting = call_sitting(db_session(), _facts(), actor=actor(), now=now())
    return see_other(url_for("council.sitting", sitting_id=sitting.id))


def _facts() -> SittingFacts:
    held_on = request.form.get("held_on", type=date.fromisoformat)
    if held_on is None:
        raise DomainError(
            "day_missing", _l("A date is missing, or it isn't one."), remedy=_l("Give it."), field="held_on"
        )
    return SittingFacts(held_on, **{name: request.form.get(name) for name in FIELDS})


@blueprint.route("/council/sittings/<int:sitting_id>", methods=["GET", "POST"])
@needs(Permission.DISCUSS_PROGRAMMES)
def sitting(sitting_id: int) -> Response:
    """Show a sitting with its agenda; save what its form says of it."""
    if request.method == "GET":
        return make_response(sitting_page(sitting_id))
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    seen = request.form.get("revision", type=row_number)
    change_sitting(db_session(), sitting_id, _facts(), seen=seen, actor=actor(), now=now(), today=_today())
    flash(gettext("Saved."), "success")
    return see_other(url_for("council.sitting", sitting_id=sitting_id))


def sitting_page(sitting_id: int, refusal: DomainError | None = None) -> str:
    """Show a sitting, with what was typed."""
    session, who = db_session(), actor()
    shown = sitting_of(session, sitting_id, actor=who)
    return render_template(
        "council/sitting.html",
        sitting=shown,
        values=_typed(shown, refusal),
        waiting=[] if shown.closed_at else waiting_versions(session),
        sites=[] if shown.closed_at else active_sites(session),
        form=request.form,
        worded_id=(request.view_args or {}).get("item_id") if "was_heard" in request.form else None,
        refusal=refusal,
        decision_names=DECISION_NAMES,
        is_to_come=shown.held_on > _today(),
        history=history_of(session, shown, *shown.items, words=HISTORY),
    )


def _typed(shown: Sitting, refusal: DomainError | None) -> dict[str, Any]:
    stored = {name: getattr(shown, name) or "" for name in FIELDS}
    stored |= {"held_on": shown.held_on.isoformat(), "revision": shown.revision}
    if refusal is None or "held_on" not in request.form:
        return stored
    typed = {name: request.form.get(name, "") for name in (*FIELDS, "held_on", "revision")}
    if isinstance(refusal, EditedMeanwhile):
        typed["revision"] = str(refusal.revision)
    return typed


@blueprint.get("/council/sittings/<int:sitting_id>/paper")
@needs(Permission.DISCUSS_PROGRAMMES)
def protocol(sitting_id: int) -> Response:
    """Print the protocol of a sitting."""
    shown = sitting_of(db_session(), sitting_id, actor=actor())
    return _printed(shown, shown.items, is_extract=False)


@blueprint.get("/council/items/<int:item_id>/paper")
@needs(Permission.DISCUSS_PROGRAMMES)
def extract(item_id: int) -> Response:
    """Print an extract of the protocol with one point of the agenda (4.2, 8.1)."""
    item = item_of(db_session(), item_id, actor=actor())
    return _printed(item.sitting, [item], is_extract=True)


def _printed(shown: Sitting, items: list[AgendaItem], *, is_extract: bool) -> Response:
    return paper_answer(
        lambda typed: protocol_paper(shown, items, typed, is_extract=is_extract),
        protocol_asks(shown),
        back=url_for("council.sitting", sitting_id=shown.id),
    )


@blueprint.post("/council/sittings/<int:sitting_id>/items")
@needs(Permission.DISCUSS_PROGRAMMES)
def add(sitting_id: int) -> Response:
    """Put a programme, or the end of a site, on the agenda."""
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    version_id = request.form.get("version", type=row_number)
    if version_id is not None:
        add_version(db_session(), sitting_id, version_id, actor=actor(), now=now())
    else:
        site_id = request.form.get("site", type=row_number)
        reason = request.form.get("reason", "")
        add_end_of_site(db_session(), sitting_id, site_id or 0, reason=reason, actor=actor(), now=now())
    flash(gettext("It is on the agenda now."), "success")
    return see_other(url_for("council.sitting", sitting_id=sitting_id) + "#agenda")


@blueprint.post("/council/sittings/<int:sitting_id>/close")
@needs(Permission.DISCUSS_PROGRAMMES)
def close(sitting_id: int) -> Response:
    """Say that the protocol is signed."""
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    close_sitting(db_session(), sitting_id, actor=actor(), now=now())
    flash(gettext("The protocol is closed: nothing of it changes any more."), "success")
    return see_other(url_for("council.sitting", sitting_id=sitting_id))


@blueprint.post("/council/items/<int:item_id>/remove")
@needs(Permission.DISCUSS_PROGRAMMES)
def remove(item_id: int) -> Response:
    """Take a point off the agenda."""
    sitting_id = item_of(db_session(), item_id, actor=actor()).sitting_id
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    remove_item(db_session(), item_id, actor=actor(), now=now())
    return see_other(url_for("council.sitting", sitting_id=sitting_id) + "#agenda")


@blueprint.post("/council/items/<int:item_id>/decision")
@needs(Permission.DISCUSS_PROGRAMMES)
def decide(item_id: int) -> Response:
    """Put down a decision."""
    sitting_id = item_of(db_session(), item_id, actor=actor()).sitting_id
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    decision = request.form.get("decision", type=Decision)
    if decision is None:
        raise DomainError(
            "decision_missing", _l("No decision is chosen."), remedy=_l("Choose one of the list."), field="decision"
        )
    note = request.form.get("note", "")
    decide_item(db_session(), item_id, decision, note=note, actor=actor(), now=now(), today=_today())
    flash(gettext("The decision is put down; those concerned are told."), "success")
    return see_other(url_for("council.sitting", sitting_id=sitting_id) + "#agenda")


@blueprint.post("/council/items/<int:item_id>/wording")
@needs(Permission.DISCUSS_PROGRAMMES)
def wording(item_id: int) -> Response:
    """Put down the wording of the protocol on a point."""
    sitting_id = item_of(db_session(), item_id, actor=actor()).sitting_id
    keep_form(lambda refusal: sitting_page(sitting_id, refusal))
    form = request.form
    word_item(
        db_session(),
        item_id,
        {name: form.get(name, "") for name in WORDING},
        seen={name: form.get(f"was_{name}", "") for name in WORDING},
        actor=actor(),
        now=now(),
    )
    flash(gettext("Saved."), "success")
    return see_other(url_for("council.sitting", sitting_id=sitting_id) + "#agenda")


@blueprint.post("/council/versions/<int:version_id>/remarks")
@needs(Permission.DISCUSS_PROGRAMMES)
def remark(version_id: int) -> Response:
    """Make a remark on a version."""
    keep_form(lambda refusal: version_page(version_id, refusal))
    about = request.form.get("about", "")
    start, _, position = about.partition("-")
    made = add_remark(
        db_session(),
        version_id,
        section=Section(start) if start in set(Section) else Section.WHOLE,
        topic_position=int(position) if position.isdecimal() and len(position) < 6 else None,
        text=request.form.get("text", ""),
        actor=actor(),
        now=now(),
    )
    return see_other(url_for("programmes.version", version_id=version_id) + f"#remark-{made.id}")


@blueprint.post("/council/remarks/<int:remark_id>/answer")
@needs(Permission.WRITE_PROGRAMMES)
def answer(remark_id: int) -> Response:
    """Answer a remark as the leader."""
    answered = answer_remark(db_session(), remark_id, answer=request.form.get("answer", ""), actor=actor(), now=now())
    return see_other(url_for("programmes.version", version_id=answered.version_id) + f"#remark-{answered.id}")


@blueprint.post("/council/remarks/<int:remark_id>/settled")
@needs(Permission.DISCUSS_PROGRAMMES)
def settle(remark_id: int) -> Response:
    """Mark a remark as settled, or open it again."""
    settled = settle_remark(
        db_session(), remark_id, is_settled=bool(request.form.get("settled")), actor=actor(), now=now()
    )
    return see_other(url_for("programmes.version", version_id=settled.version_id) + f"#remark-{settled.id}")
