"""The page on which a leader writes to trainees of an intake."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, flash, make_response, render_template, request, url_for
from flask_babel import ngettext

from lti_app.core.edge import actor, db_session, now
from lti_app.core.errors import Conflict, DomainError
from lti_app.core.forms import keep_form, see_other
from lti_app.core.navigation import NavItem
from lti_app.core.numbers import row_number
from lti_app.core.permissions import Permission, needs
from lti_app.intakes.messages import (
    LONGEST_MESSAGE,
    SHOWN,
    count_sent,
    intake_to_write_to,
    recipients_of,
    send_message,
    sent_messages,
)

blueprint = Blueprint("messages", __name__, template_folder="templates")

NAVIGATION: tuple[NavItem, ...] = ()


@blueprint.route("/intakes/<int:intake_id>/messages", methods=["GET", "POST"])
@needs(Permission.RUN_INTAKES)
def page(intake_id: int) -> Response:
    """Write to the trainees that the address or the form names (``trainee``, several times); show what was sent."""
    if request.method == "GET":
        return make_response(write_page(intake_id))
    keep_form(lambda refusal: write_page(intake_id, refusal))
    message = send_message(
        db_session(),
        intake_id,
        text=request.form.get("text", ""),
        trainee_ids=_chosen(),
        form_key=_key(),
        actor=actor(),
        now=now(),
    )
    number = message.recipients
    flash(
        ngettext(
            "The message is on its way to %(num)s trainee.", "The message is on its way to %(num)s trainees.", number
        ),
        "success",
    )
    return see_other(url_for("messages.page", intake_id=intake_id) + "#sent")


def write_page(intake_id: int, refusal: DomainError | None = None) -> str:
    """Show the form; what was typed and ticked stays after a refusal."""
    session = db_session()
    intake = intake_to_write_to(session, intake_id, actor=actor())
    recipients = recipients_of(session, intake.id)
    return render_template(
        "intakes/messages.html",
        intake=intake,
        recipients=recipients,
        chosen=_chosen() & {one.trainee_id for one in recipients},
        text=request.form.get("text", ""),
        key=_key(renewed=isinstance(refusal, Conflict)),
        longest=LONGEST_MESSAGE,
        sent=sent_messages(session, intake.id),
        sent_in_all=count_sent(session, intake.id),
        shown=SHOWN,
        refusal=refusal,
    )


def _key(*, renewed: bool = False) -> str:
    """Return what tells this form from others; a form that was sent needs another."""
    sent = "" if renewed else request.form.get("key", "")
    return sent or secrets.token_urlsafe(16)


def _chosen() -> set[int]:
    return set(request.values.getlist("trainee", type=row_number))
