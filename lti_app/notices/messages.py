"""Notices sent as messages of Moodle's own, to those who have an account there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, NamedTuple

from flask_babel import force_locale, gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.db import Database
from lti_app.core.outbox import Delivered, Deliverer, Later, Needless, Outcome, Refused
from lti_app.core.vault import Vault
from lti_app.core.words import MUNICIPAL_LOCALE
from lti_app.lti.models import Moodle
from lti_app.notices.delivery import Told, told
from lti_app.notices.occasions import Occasion
from lti_app.people.models import MoodleAccount
from moodle_sync.client import MoodleClient
from moodle_sync.errors import BadParameter, CapabilityMissing, MoodleError, NoSuchThing
from moodle_sync.functions import PHP_DEFAULT_FIELDS, Function

TIMEOUTS = (5.0, 20.0)
"""Seconds for connecting and for the answer: far below the outbox's lease."""
HTML = 1
"""Moodle's FORMAT_HTML: the link in it can be followed whatever filters are on."""
LONGEST_MESSAGE = 4000
"""Moodle takes 4,096 bytes (MESSAGE_MAX_LENGTH, compared with PHP's strlen)."""
NO_SUCH_USER = "formatnotsupported"
"""What Moodle answers for a recipient whom it does not know (recording message_send)."""


class _Recipient(NamedTuple):
    """Name a user of a Moodle, and how its web services are reached."""

    url: str
    token_encrypted: str
    max_input_vars: int | None
    user_id: int


def message_deliverer(settings: Settings, vault: Vault, occasions: Mapping[str, Occasion]) -> Deliverer:
    """Return what sends a notice as a message of Moodle's.

    No transaction is open while Moodle is asked. Moodle knows no key by which it could tell a message sent twice: where
    the answer to one got lost, it is sent once more.
    """

    def deliver(database: Database, payload: dict[str, Any], now: datetime) -> Outcome:
        with database.session(writes=False) as session:
            found = told(session, settings, occasions, payload["notice_id"], now)
            if isinstance(found, Needless | Refused):
                return found
            notice, words = found
            to = _recipient(session, notice.person_id)
        if not isinstance(to, _Recipient):
            return to
        fields = to.max_input_vars or PHP_DEFAULT_FIELDS
        token = vault.open(to.token_encrypted)
        with MoodleClient(to.url, token, timeouts=TIMEOUTS, retries=1, max_input_vars=fields) as client:
            return _send(client, to.user_id, words, key=payload["key"])

    return deliver


def _recipient(session: Session, person_id: int) -> _Recipient | Outcome:
    """Return the account through which a person is told: one is enough, though they may have several."""
    rows = session.execute(
        select(Moodle.url, Moodle.token_encrypted, Moodle.max_input_vars, MoodleAccount.user_id, Moodle.stopped_at)
        .join(Moodle, Moodle.id == MoodleAccount.moodle_id)
        .where(
            MoodleAccount.person_id == person_id,
            MoodleAccount.not_shown_since.is_(None),
            MoodleAccount.seen_suspended.is_(False),
        )
        .order_by(MoodleAccount.last_link.is_(None), MoodleAccount.id.desc())
    ).all()
    if not rows:
        return Needless("the person has no account in Moodle that could be written to")
    running = [row for row in rows if row.stopped_at is None]
    if not running:
        return Later("the exchange with this Moodle is stopped", patient=True)
    return _Recipient(*running[0][:4])


def _send(client: MoodleClient, user_id: int, words: Told, *, key: str) -> Outcome:
    message = {"touserid": user_id, "text": message_text(words), "textformat": HTML, "clientmsgid": key}
    try:
        answer = client.call(Function.SEND_MESSAGES, messages=[message])
    except MoodleError as error:
        return _why_not(error)
    sent = answer[0] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else {}
    if not isinstance(sent.get("msgid"), int):
        return Later("Moodle's answer says nothing of the message")
    # What it says beside it may name the person.
    return Delivered() if sent["msgid"] > 0 else Refused("the person takes no messages from the tool's user in Moodle")


def _why_not(error: MoodleError) -> Outcome:
    code = error.errorcode
    match error:
        case CapabilityMissing():
            return Refused(f"Moodle lets the service send no messages ({code}): see config/moodle-service.md")
        case NoSuchThing():  # Moodle's table of functions lacks it
            return Refused(f"this Moodle has no such function ({code})")
        case BadParameter():
            known = code != NO_SUCH_USER
            return Refused(f"Moodle refuses the message ({code})" if known else "Moodle knows this user no more")
    return Refused("messages are switched off in Moodle") if code == "disabled" else Later(code)


def message_text(words: Told) -> str:
    """Return the message in HTML: the subject, the text cut to what Moodle takes, the link."""
    with force_locale(MUNICIPAL_LOCALE):
        word = gettext("Open")
    link = f'<p><a href="{escape(words.address)}">{escape(word)}</a></p>'
    subject = f"<p><strong>{escape(words.subject[:200])}</strong></p>"
    room = LONGEST_MESSAGE - len(f"{subject}<p></p>{link}".encode())
    text = words.text
    while len(_paragraph(text).encode()) > room:
        text = f"{text[: len(text) * 9 // 10].rstrip()}…"
    return f"{subject}<p>{_paragraph(text)}</p>{link}"


def _paragraph(text: str) -> str:
    return escape(text).replace("\n", "<br>")
