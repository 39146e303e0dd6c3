"""Mail by SMTP: one message to one address, delivered from the outbox; composers above say what stands in it."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy.orm import Session

from config.settings import Settings
from lti_app.core.db import Database
from lti_app.core.outbox import Delivered, Deliverer, Later, Needless, Outcome, Refused

MAIL = "mail"
"""Kind of the outbox's messages that go by mail. Their payload has ``key`` and ``about``, which names a composer."""
TIMEOUT = 10.0
"""Seconds for each step of a talk with the mail server: less than the lease of the outbox for all of them."""
PORTS = {"smtp": 25, "smtps": 465}
SENDER = "Площадка"


@dataclass(frozen=True)
class Mail:
    """Hold what one recipient is told."""

    to: str
    subject: str
    text: str


Compose = Callable[[Session, dict[str, Any], datetime], Mail | Needless | str]
"""Puts a payload into words when it is delivered; a string says why it can't be told, and has to be looked at."""


def sender(settings: Settings) -> str:
    """Return the address that mail comes from: ``MAIL_FROM``, else one at the host of ``PUBLIC_URL``."""
    return settings.mail_from or f"noreply@{urlsplit(settings.public_url).hostname}"


def deliverer(settings: Settings, composers: Mapping[str, Compose]) -> Deliverer:
    """Return what delivers mail of the outbox."""

    def deliver(database: Database, payload: dict[str, Any], now: datetime) -> Outcome:
        with database.session(writes=False) as session:
            mail = composers[payload["about"]](session, payload, now)
        if isinstance(mail, Needless):
            return mail
        if not settings.smtp_url:
            return Later("SMTP_URL is not set", patient=True)
        return Refused(mail) if isinstance(mail, str) else send(settings, mail, key=payload["key"], now=now)

    return deliver


def message_of(settings: Settings, mail: Mail, *, key: str, now: datetime) -> EmailMessage:
    """Return the message; its Message-ID follows from ``key``, so that one delivered twice can be told (RFC 5322)."""
    address = sender(settings)
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = Address(SENDER, addr_spec=address)
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes in answer
    message.set_content(mail.text, charset="utf-8", cte="base64")
    return message


def send(settings: Settings, mail: Mail, *, key: str, now: datetime) -> Outcome:
    """Hand a mail to the server of ``SMTP_URL``; an outcome's reason has no personal data.

    A refusal of the recipient for good (5xx) is Refused; a temporary one (4xx), a server that doesn't answer and one
    that takes nobody's mail from here (login, TLS) are Later.
    """
    try:
        message = message_of(settings, mail, key=key, now=now)
    except (ValueError, LookupError, AttributeError):  # what Python's parser raises on an address cut short
        return Refused("the recipient's e-mail address is not one")
    try:
        server = _connect(settings)
        try:
            return _hand_over(server, message, sender(settings), mail.to)
        finally:
            with suppress(smtplib.SMTPException, OSError):  # a parting word too few makes no mail undelivered
                server.quit()
            server.close()
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        return Later(_why_away(error))


def _hand_over(server: smtplib.SMTP, message: EmailMessage, from_address: str, to: str) -> Outcome:
    try:
        server.send_message(message, from_addr=from_address, to_addrs=[to])
    except smtplib.SMTPRecipientsRefused as refusal:
        code, _text = refusal.recipients[to]
        return _refused(code, "the recipient")
    except smtplib.SMTPSenderRefused as refusal:
        return Later(f"the mail server refuses the sender (code {refusal.smtp_code}); see MAIL_FROM")
    except smtplib.SMTPDataError as refusal:
        return _refused(refusal.smtp_code, "the message")
    except smtplib.SMTPNotSupportedError:
        return Refused("the recipient's e-mail address is not one that the mail server takes")
    return Delivered()


def _why_away(error: Exception) -> str:
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"the mail server refuses the login (code {error.smtp_code}); see user and password in SMTP_URL"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no login, or none before TLS; see SMTP_URL"
        case UnicodeError():  # it carries what it could not encode: a password, perhaps
            return "host, user or password in SMTP_URL have letters that can't be sent to a mail server"
        case ssl.SSLError():
            return f"no encrypted connection to the mail server ({error.reason or type(error).__name__}); see SMTP_URL"
    return f"the mail server does not answer as it should ({type(error).__name__}); see SMTP_URL"


def _refused(code: int, what: str) -> Outcome:
    reason = f"the mail server refuses {what} (code {code})"
    return Refused(reason) if code >= 500 else Later(reason)


def _connect(settings: Settings) -> smtplib.SMTP:
    """Return a talk with the server: encrypted where it can be, and always before a password is sent."""
    parts = urlsplit(settings.smtp_url or "")
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    own_name = urlsplit(settings.public_url).hostname
    trusted = ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, own_name, timeout=TIMEOUT, context=trusted)
    else:
        server = smtplib.SMTP(host, port, own_name, timeout=TIMEOUT)
    try:
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=trusted)
            server.ehlo()
        elif parts.scheme == "smtp" and parts.username:
            raise smtplib.SMTPNotSupportedError("a password is not sent in the clear")
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server
