"""The command that shows whether mail can be sent."""

from __future__ import annotations

import secrets

import click

from config.settings import MAIL_ADDRESS
from lti_app.core.cli import Group, OutOfReach, Refused, with_settings
from lti_app.core.edge import tool
from lti_app.core.mail import Mail, send, sender
from lti_app.core.outbox import Delivered

mail = Group("mail", help="Mail to administrators.")


@mail.command("test")
@click.argument("address")
@with_settings
def test_command(address: str) -> None:
    """Send a test mail to ADDRESS now and say what the mail server answers."""
    parts = tool()
    if not parts.settings.smtp_url:
        raise Refused("SMTP_URL is not set: no mail is sent; set it to smtp://user:password@host:port or smtps://…")
    if not MAIL_ADDRESS.fullmatch(address):
        raise Refused(f"{address!r} is not an e-mail address")
    outcome = send(
        parts.settings,
        Mail(address, "Проверка почты", "Это проверочное письмо. Отвечать на него не нужно.\n"),
        key=f"mail:test:{secrets.token_hex(8)}",
        now=parts.clock(),
    )
    if not isinstance(outcome, Delivered):
        raise OutOfReach(outcome.reason)
    click.echo(f"the mail server took the mail from {sender(parts.settings)}; look whether it has arrived")
