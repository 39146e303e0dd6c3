"""Mail through a real server: what arrives, and what each refusal comes to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from config.settings import Settings
from lti_app.core import mail as mail_module
from lti_app.core.mail import Mail, send
from lti_app.core.outbox import Delivered, Later, Outcome, Refused
from tests.lti_app.core.mail_server import MailServer, mail_server

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
MAIL = Mail("admin@example.org", "Ночной обмен", "Обмен не проводился.\n")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def settings_for(url: str) -> Settings:
    return Settings(secret_key="s" * 40, data_keys=(), public_url="https://tool.example.org", smtp_url=url)


def sent(server: MailServer, mail: Mail = MAIL) -> Outcome:
    return send(settings_for(server.url), mail, key="mail:1", now=NOW)


def test_a_mail_arrives_with_its_words_and_says_that_a_program_wrote_it(server: MailServer) -> None:
    assert sent(server) == Delivered()

    (mail,) = server.mails
    assert (mail["To"], mail["Subject"]) == ("admin@example.org", "Ночной обмен")
    assert mail["From"] == "Площадка <noreply@tool.example.org>"
    assert mail.get_content().splitlines() == ["Обмен не проводился."]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW


def test_a_mail_sent_twice_has_the_same_message_id_and_another_one_another(server: MailServer) -> None:
    settings = settings_for(server.url)
    for key in ("mail:1", "mail:1", "mail:2"):
        assert send(settings, MAIL, key=key, now=NOW) == Delivered()

    first, again, other = (mail["Message-ID"] for mail in server.mails)
    assert first == again != other


def test_the_sender_can_be_set(server: MailServer) -> None:
    settings = replace(settings_for(server.url), mail_from="tool@school.example.org")

    assert send(settings, MAIL, key="mail:1", now=NOW) == Delivered()

    assert "tool@school.example.org" in server.mails[0]["From"]
    assert "mail FROM:<tool@school.example.org>" in server.commands


@pytest.mark.parametrize(
    ("word", "answer", "outcome"),
    [
        ("RCPT", "550 nobody here: admin@example.org", Refused),
        ("RCPT", "451 try later", Later),
        ("MAIL", "550 not you", Later),
        ("DATA", "554 no", Refused),
        (".", "552 too big", Refused),
        (".", "452 no room", Later),
        (".", None, Later),
        ("QUIT", None, Delivered),
        ("QUIT", "500 what", Delivered),
        ("EHLO", None, Later),
    ],
)
def test_a_refusal_for_good_is_one_and_any_other_is_tried_again(
    server: MailServer, monkeypatch: pytest.MonkeyPatch, word: str, answer: str | None, outcome: type[Outcome]
) -> None:
    monkeypatch.setattr(mail_module, "TIMEOUT", 1.0)  # seconds for a server that says nothing any more
    server.answers[word] = answer

    result = sent(server)

    assert isinstance(result, outcome)
    assert "example.org" not in getattr(result, "reason", "")


def test_a_server_that_is_away_is_tried_again() -> None:
    with mail_server() as server:
        url = server.url

    assert isinstance(send(settings_for(url), MAIL, key="mail:1", now=NOW), Later)


def test_a_password_is_never_sent_in_the_clear(server: MailServer) -> None:
    url = server.url.replace("//", "//robot:hidden@")

    result = send(settings_for(url), MAIL, key="mail:1", now=NOW)

    assert isinstance(result, Later)
    assert "SMTP_URL" in result.reason
    assert not any(command.upper().startswith("AUTH") for command in server.commands)


def test_a_server_that_offers_encryption_and_cannot_do_it_gets_no_mail(server: MailServer) -> None:
    server.answers |= {"EHLO": "250-tool\r\n250 STARTTLS", "STARTTLS": "454 not now"}

    assert isinstance(sent(server), Later)

    assert server.mails == []


@pytest.mark.parametrize("address", ["two\nlines@example.org", "a@", '"', "a@["])
def test_an_address_that_is_none_is_refused_before_the_server_is_asked(server: MailServer, address: str) -> None:
    result = sent(server, replace(MAIL, to=address))

    assert isinstance(result, Refused)
    assert server.commands == []


def test_what_cannot_be_said_to_a_mail_server_is_told_without_saying_it() -> None:
    outcome = send(settings_for(f"smtp://{'a' * 70}.example:25"), MAIL, key="mail:1", now=NOW)
    assert isinstance(outcome, Later)
    assert "SMTP_URL" in outcome.reason
    assert "aaa" not in outcome.reason


def test_a_line_break_in_a_name_is_no_end_of_the_subject(server: MailServer) -> None:
    assert sent(server, replace(MAIL, subject="Обмен:\r\nBcc: x@example.org")) == Delivered()
    (mail,) = server.mails
    assert mail["Subject"] == "Обмен: Bcc: x@example.org"
    assert mail["Bcc"] is None
