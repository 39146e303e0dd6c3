"""Who is who: an administrator says which Moodle user somebody on the lists is, where the night can't be sure."""

from __future__ import annotations

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l

from lti_app.core.edge import actor, db_session, now
from lti_app.core.errors import DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.numbers import row_number
from lti_app.core.paging import Page, asked_page, page_number
from lti_app.core.permissions import Permission, needs
from lti_app.people.models import PersonQuestion
from lti_app.sync import questions
from lti_app.sync.names import names_of_users

QUESTIONS_A_PAGE = 20
MISSING_SHOWN = 200
NONE_OF_THEM = "none"

blueprint = Blueprint("who", __name__, template_folder="templates")


@blueprint.get("/sync/people")
@needs(Permission.DECIDE_PEOPLE)
def people() -> str:
    """Show whom the night could not find for certain: those to decide about, and those whom Moodle doesn't have."""
    return _page(None)


@blueprint.post("/sync/people/<int:question_id>")
@needs(Permission.DECIDE_PEOPLE)
def decide(question_id: int) -> Response:
    """Keep which user somebody is, or that it is none of them."""
    keep_form(_page)
    answer = request.form.get("user", "")
    user_id = row_number(answer) if answer.isdecimal() else None
    if user_id is None and answer != NONE_OF_THEM:
        raise DomainError(
            "nothing_chosen", _l("Nobody is chosen."), remedy=_l("Choose one of the users, or none of them.")
        )
    question = questions.decide(
        db_session(),
        question_id=question_id,
        user_id=user_id,
        seen=request.form.get("seen", ""),
        actor=actor(),
        now=now(),
    )
    flash(_decided(question), "success")
    return see_other(url_for("who.people"))


def _decided(question: PersonQuestion) -> str:
    name = question.person.full_name
    if question.user_id is None:
        return str(
            gettext("%(name)s is none of these users. You will be asked again only if other users match.", name=name)
        )
    return str(
        gettext(
            "%(name)s is now user No. %(user)s of Moodle. The next night enrols them.",
            name=name,
            user=question.user_id,
        )
    )


def _page(refusal: DomainError | None) -> str:
    session, who = db_session(), actor()
    total = questions.count_open(session, actor=who, with_candidates=True)
    number = page_number(request.args.get("page", default=1, type=asked_page), total, QUESTIONS_A_PAGE)
    asked = questions.open_questions(
        session, actor=who, with_candidates=True, offset=(number - 1) * QUESTIONS_A_PAGE, limit=QUESTIONS_A_PAGE
    )
    tied: dict[int, str] = {}
    for question in asked:
        user_ids = {int(candidate["user_id"]) for candidate in question.candidates}
        tied |= names_of_users(session, question.moodle_id, user_ids)
    return render_template(
        "who/people.html",
        page=Page(list(asked), number, total, QUESTIONS_A_PAGE),
        fingerprint=questions.fingerprint,
        tied=tied,
        missing=questions.open_questions(session, actor=who, with_candidates=False, limit=MISSING_SHOWN),
        missing_total=questions.count_open(session, actor=who, with_candidates=False),
        refusal=refusal,
    )
