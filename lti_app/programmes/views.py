"""Programmes and their versions, as the leader writes them (4.2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now, tool
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError, NotFound
from lti_app.core.forms import keep_form, see_other
from lti_app.core.history import history_of
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Actor, Permission, needs
from lti_app.papers.page import paper_answer
from lti_app.programmes.beginning import begin_version, copy_programme, create_programme
from lti_app.programmes.comparing import compare as compare_versions
from lti_app.programmes.demands import kind_choices, kind_words
from lti_app.programmes.draft_form import HOURS, DraftForm, facts_from, form_of, hours_from, read_form, rearranged
from lti_app.programmes.drafts import own_programme, own_version, require_editable, save_draft, version_of
from lti_app.programmes.models import FORM_NAMES, ProgrammeVersion, Section, VersionState
from lti_app.programmes.overview import led_sites, own_programmes, versions_of
from lti_app.programmes.papers import programme_asks, programme_paper
from lti_app.programmes.plan import parts_of, totals_of
from lti_app.programmes.plan_import import Preview, read_pasted, read_workbook, understand
from lti_app.programmes.remarks import remarks_on
from lti_app.programmes.scale import USUAL_SCALE
from lti_app.programmes.service import EDITABLE
from lti_app.programmes.submitting import lacks, submit_version, withdraw_version
from lti_app.programmes.words import FIELD_NAMES, HISTORY, MODE_NAMES, SECTION_NAMES, VERSION_STATES

blueprint = Blueprint("programmes", __name__, template_folder="templates")

NAVIGATION = (NavItem("programmes.mine", _l("Programmes"), "journal-text", Permission.WRITE_PROGRAMMES, place=20),)


def _today() -> date:
    return now().astimezone(tool().settings.zone).date()


@blueprint.get("/programmes")
@needs(Permission.WRITE_PROGRAMMES)
def mine() -> str:
    """Show the programmes of the sites led, with the state of their newest versions."""
    return mine_page()


def mine_page(refusal: DomainError | None = None) -> str:
    """Show the programmes of the sites led, and the form that begins one."""
    session = db_session()
    return render_template(
        "programmes/mine.html",
        rows=own_programmes(session, actor=actor()),
        sites=led_sites(session, actor=actor()),
        values=request.form,
        refusal=refusal,
        version_states=VERSION_STATES,
    )


@blueprint.post("/programmes")
@needs(Permission.WRITE_PROGRAMMES)
def create() -> Response:
    """Begin a programme, or a copy of another one."""
    keep_form(mine_page)
    form = request.form
    site_id = form.get("site", type=row_number)
    if site_id is None:
        raise DomainError("nothing_chosen", _l("No site is chosen."), remedy=_l("Choose one."), field="site")
    copied = form.get("copy_of", type=row_number)
    if copied is not None:
        version = copy_programme(db_session(), copied, site_id=site_id, actor=actor(), now=now())
        return see_other(url_for("programmes.edit", version_id=version.id))
    hours = hours_from(form.get("hours", ""))
    if hours is None:
        raise DomainError("hours_not_positive", HOURS, field="hours")
    version = create_programme(
        db_session(), site_id=site_id, title=form.get("title", ""), hours=hours, actor=actor(), now=now()
    )
    return see_other(url_for("programmes.edit", version_id=version.id))


@blueprint.get("/programmes/<int:programme_id>")
@needs(Permission.SIGNED_IN)
def programme(programme_id: int) -> Response:
    """Lead to the newest version of a programme."""
    versions = versions_of(db_session(), programme_id)
    if not versions:
        raise NotFound("no_such_programme", _l("There is no such programme."))
    return see_other(url_for("programmes.version", version_id=versions[-1].id))


@blueprint.post("/programmes/<int:programme_id>/versions")
@needs(Permission.WRITE_PROGRAMMES)
def begin(programme_id: int) -> Response:
    """Begin the next version."""
    own_programme(db_session(), programme_id, actor=actor())
    version = begin_version(db_session(), programme_id, actor=actor(), now=now())
    return see_other(url_for("programmes.edit", version_id=version.id))


def readable_version(version_id: int, who: Actor) -> ProgrammeVersion:
    """Return a version for who may read it: its leader, the council, the centre. Raises NotFound for others."""
    version = version_of(db_session(), version_id)
    if version.programme.site_id in who.led_site_ids or who.may(Permission.SEE_LISTS):
        return version
    raise NotFound("no_such_version", _l("There is no such programme."))


@blueprint.get("/programmes/versions/<int:version_id>")
@needs(Permission.SIGNED_IN)
def version(version_id: int) -> str:
    """Show a version as it reads, with its remarks and what can be done with it."""
    return version_page(version_id)


def version_page(version_id: int, refusal: DomainError | None = None) -> str:
    """Show a version with its remarks."""
    who, session = actor(), db_session()
    shown = readable_version(version_id, who)
    is_own = shown.programme.site_id in who.led_site_ids
    others = versions_of(session, shown.programme_id)
    return render_template(
        "programmes/version.html",
        version=shown,
        versions=others,
        earlier=next((one for one in reversed(others) if one.number < shown.number), None),
        totals=totals_of(shown.topics),
        parts_of=parts_of,
        is_own=is_own,
        lacking=lacks(shown) if is_own and shown.state in EDITABLE else [],
        remarks=remarks_on(session, shown.id),
        may_remark=who.may(Permission.DISCUSS_PROGRAMMES) and shown.state is VersionState.SUBMITTED,
        may_settle=who.may(Permission.DISCUSS_PROGRAMMES),
        may_answer=is_own and shown.state in (VersionState.SUBMITTED, VersionState.RETURNED),
        history=history_of(session, shown, shown.programme, words=HISTORY),
        refusal=refusal,
        values=request.form,
        sections=SECTION_NAMES,
        Section=Section,
        **names(),
    )


def names() -> dict[str, Any]:
    """Return the words that pages of programmes need."""
    return {
        "version_states": VERSION_STATES,
        "field_names": FIELD_NAMES,
        "form_names": FORM_NAMES,
        "mode_names": MODE_NAMES,
        "usual_scale": USUAL_SCALE,
        "kind_choices": kind_choices(),
        "kind_words": kind_words,
    }


@blueprint.route("/programmes/versions/<int:version_id>/edit", methods=["GET", "POST"])
@needs(Permission.WRITE_PROGRAMMES)
def edit(version_id: int) -> Response:
    """Show the editor; do what its buttons ask; save. Scripts save by themselves and get the new revision as JSON."""
    shown = own_version(db_session(), version_id, actor=actor())
    if request.method == "GET":
        if shown.state not in EDITABLE:
            return see_other(url_for("programmes.version", version_id=version_id))
        return make_response(edit_page(shown, form_of(shown)))
    typed = read_form(request.form)
    step = request.form.get("step", "save")
    if ":" in step or step in ("add", "add-demand"):
        return make_response(edit_page(shown, rearranged(typed, step)))
    keep_form(lambda refusal: edit_page(own_version(db_session(), version_id, actor=actor()), typed, refusal))
    facts = facts_from(typed)
    saved = save_draft(db_session(), version_id, facts, seen=typed.revision, actor=actor(), now=now())
    if request.accept_mimetypes.best == "application/json":
        rows = [topic.id for topic in saved.topics]
        return make_response({"revision": saved.revision, "topics": rows})
    flash(gettext("Saved."), "success")
    end = "programmes.edit" if step == "save" else "programmes.version"
    return see_other(url_for(end, version_id=version_id))


@blueprint.route("/programmes/versions/<int:version_id>/plan", methods=["GET", "POST"])
@needs(Permission.WRITE_PROGRAMMES)
def import_plan(version_id: int) -> Response:
    """Take a table for the thematic plan, and show it in the editor before anything is saved."""
    shown = own_version(db_session(), version_id, actor=actor())
    require_editable(shown)
    if request.method == "GET":
        return make_response(import_page(shown))
    keep_form(lambda refusal: import_page(own_version(db_session(), version_id, actor=actor()), refusal))
    upload = request.files.get("file")
    content = upload.read() if upload else b""
    preview = understand(read_workbook(content) if content else read_pasted(request.form.get("table", "")))
    form = form_of(shown)
    form.rows = preview.rows
    return make_response(edit_page(shown, form, preview=preview))


def import_page(shown: ProgrammeVersion, refusal: DomainError | None = None) -> str:
    """Show where a table is uploaded or pasted."""
    return render_template(
        "programmes/import.html", version=shown, refusal=refusal, pasted=request.form.get("table", "")
    )


def edit_page(
    shown: ProgrammeVersion,
    form: DraftForm,
    refusal: DomainError | None = None,
    preview: Preview | None = None,
) -> str:
    """Show the editor with what was typed, and what is wrong at its rows."""
    if isinstance(refusal, EditedMeanwhile):
        form.revision = refusal.revision  # who has seen both texts may save theirs
    return render_template(
        "programmes/edit.html",
        version=shown,
        form=form,
        refusal=refusal,
        lacking=lacks(shown),
        preview=preview,
        is_unsaved=request.method == "POST",
        **names(),
    )


@blueprint.post("/programmes/versions/<int:version_id>/submit")
@needs(Permission.WRITE_PROGRAMMES)
def submit(version_id: int) -> Response:
    """Put a version before the council."""
    keep_form(lambda refusal: version_page(version_id, refusal))
    submit_version(db_session(), version_id, actor=actor(), now=now(), today=_today())
    flash(gettext("The programme is with the council. Until it decides, the text stays as it is."), "success")
    return see_other(url_for("programmes.version", version_id=version_id))


@blueprint.post("/programmes/versions/<int:version_id>/withdraw")
@needs(Permission.WRITE_PROGRAMMES)
def withdraw(version_id: int) -> Response:
    """Take a version back from the council."""
    keep_form(lambda refusal: version_page(version_id, refusal))
    withdraw_version(db_session(), version_id, actor=actor(), now=now())
    flash(gettext("The programme is a draft again."), "success")
    return see_other(url_for("programmes.version", version_id=version_id))


@blueprint.get("/programmes/versions/<int:version_id>/paper")
@needs(Permission.SIGNED_IN)
def paper(version_id: int) -> Response:
    """Print a version of a programme (4.2)."""
    session = db_session()
    shown = readable_version(version_id, actor())
    day = _today()
    return paper_answer(
        lambda typed: programme_paper(session, shown, day, typed),
        programme_asks(session, shown, day),
        back=url_for("programmes.version", version_id=version_id),
    )


@blueprint.get("/programmes/versions/<int:version_id>/compare")
@needs(Permission.SIGNED_IN)
def compare(version_id: int) -> str:
    """Show what differs from another version of the same programme: the one named, else the one before."""
    who = actor()
    after = readable_version(version_id, who)
    others = [one for one in versions_of(db_session(), after.programme_id) if one.id != after.id]
    asked = request.args.get("with", type=row_number)
    earlier = [one for one in others if one.number < after.number]
    other = next((one for one in others if one.id == asked), earlier[-1] if earlier else None)
    if other is None:
        raise NotFound("nothing_to_compare", _l("There is no other version to compare with."))
    before = readable_version(other.id, who)
    return render_template(
        "programmes/compare.html",
        before=before,
        after=after,
        others=others,
        comparison=compare_versions(before, after),
        totals_before=totals_of(before.topics),
        totals_after=totals_of(after.topics),
        **names(),
    )
