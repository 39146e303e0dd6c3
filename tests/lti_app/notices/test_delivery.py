"""A person is told once, by mail and by a message in Moodle, and what can't go out says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from lti_app import create_app
from lti_app.core.db import Database
from lti_app.core.edge import Tool, deliver
from lti_app.core.outbox import OutboxMessage, retry_given_up
from lti_app.notices import delivery, messages
from lti_app.notices.delivery import Told
from lti_app.notices.links import address_of
from lti_app.notices.models import Notice
from lti_app.notices.occasions import Occasion
from lti_app.notices.service import tell
from lti_app.people.models import Person
from lti_app.web import upkeep
from moodle_sync.sandbox import Sandbox, running_sandbox
from tests.conftest import MovableClock
from tests.lti_app.core.mail_server import MailServer, mail_server
from tests.lti_app.world import NOW, World

SEED = {"users": [{"id": 4, "username": "anna", "firstname": "Анна", "lastname": "Иванова", "email": "a@example.org"}]}
OCCASIONS = {"test": Occasion(_l("The file is empty."), _l("The file is larger than %(number)s MB."))}


@pytest.fixture(scope="module")
def moodle() -> Iterator[Sandbox]:
    with running_sandbox(SEED) as sandbox:
        yield sandbox


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def told(
    settings: Any, clock: MovableClock, mail: MailServer, moodle: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tool]:
    """A tool with a mail server and a Moodle in which the world's leader has an account, told of something."""
    monkeypatch.setattr(upkeep, "OCCASIONS", OCCASIONS)
    moodle.state.messages.clear()
    for refused in ("without_messages", "withheld_functions", "refused_functions"):
        getattr(moodle.state.site, refused).clear()
    app = create_app(replace(settings, smtp_url=mail.url), clock)
    parts: Tool = app.extensions["ploshchadka"]
    with app.app_context():
        with parts.database.transaction() as session:
            world = World(session)
            world.moodle.url = moodle.url
            world.moodle.token_encrypted = parts.vault.seal(moodle.token)
            world.account(world.leader, 4)
            notify(parts, session, world.leader, world.intake)
        yield parts
    parts.database.dispose()


def notify(parts: Tool, session: Any, person: Person, about: Any, **facts: Any) -> list[int]:
    return tell(
        session,
        [person.id],
        occasion="test",
        about=about,
        path=f"/intakes/{about.id}",
        facts={"number": 6} | facts,
        now=parts.clock(),
    )


def outcomes(parts: Tool) -> dict[str, str | None]:
    """Return how it stands with the mail and the message."""
    with parts.database.session(writes=False) as session:
        rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
        return {
            row.kind: ("delivered" if row.delivered_at else "given up" if row.given_up_at else "waits")
            + (f": {row.last_error}" if row.last_error else "")
            for row in rows
        }


def test_a_person_is_told_by_mail_and_by_a_message_each_with_the_link(
    told: Tool, mail: MailServer, moodle: Sandbox
) -> None:
    deliver(told)
    deliver(told)

    address = address_of(told.settings, 1)
    (letter,) = mail.mails
    text = letter.get_content()
    assert (letter["Subject"], letter["To"]) == ("Файл пуст.", "leader-a@example.org")
    assert "Здравствуйте, Раиса!" in text
    assert "Файл больше 6 МБ." in text
    assert f"Открыть: {address}\n" in text.replace("\r\n", "\n")
    (message,) = moodle.state.messages
    assert message.recipient == 4
    assert message.text == (
        f'<p><strong>Файл пуст.</strong></p><p>Файл больше 6 МБ.</p><p><a href="{address}">Открыть</a></p>'
    )
    assert outcomes(told) == {"mail": "delivered", "moodle_message": "delivered"}


def test_nobody_is_told_twice_of_the_same_by_two_transactions_at_once(told: Tool) -> None:
    with told.database.session(writes=False) as session:
        world_person = session.scalars(select(Person).order_by(Person.id)).first()
    assert world_person is not None
    ready = threading.Barrier(2)
    found: list[list[int]] = []

    class Site:
        __tablename__ = "site"
        id = 7

    def run() -> None:
        ready.wait(10)
        with told.database.transaction() as session:
            found.append(notify(told, session, world_person, Site()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == [[], [world_person.id]]
    with told.database.session(writes=False) as session:
        assert session.scalar(select(func.count()).select_from(Notice).where(Notice.about_type == "site")) == 1


REFUSALS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "blocked": ({"without_messages": [4]}, "given up: the person takes no messages from the tool's user in Moodle"),
    "no function": (
        {"withheld_functions": ["core_message_send_instant_messages"]},
        "given up: Moodle lets the service send no messages (accessexception): see config/moodle-service.md",
    ),
    "no capability": (
        {"refused_functions": ["core_message_send_instant_messages"]},
        "given up: Moodle lets the service send no messages (nopermissions): see config/moodle-service.md",
    ),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_what_moodle_refuses_is_given_up_with_the_reason_and_goes_out_once_mended(
    told: Tool, moodle: Sandbox, why: str
) -> None:
    given, said = REFUSALS[why]
    for name, values in given.items():
        getattr(moodle.state.site, name).extend(values)
    deliver(told)
    assert outcomes(told)["moodle_message"] == said
    assert moodle.state.messages == []

    for name in given:
        getattr(moodle.state.site, name).clear()
    with told.database.transaction() as session:
        assert retry_given_up(session, now=told.clock()) == 1
    deliver(told)
    assert outcomes(told)["moodle_message"] == "delivered"
    assert len(moodle.state.messages) == 1


def test_a_user_whom_moodle_lost_is_given_up_and_nobody_there_is_no_failure(told: Tool) -> None:
    with told.database.transaction() as session:
        person = session.scalars(select(Person)).one()
        account = session.scalars(select(messages.MoodleAccount)).one()
        account.user_id = 404
        person.email, person.moodle_idnumber = None, "SN-1"
    deliver(told)
    assert outcomes(told) == {
        "mail": "delivered: the person has no e-mail address",
        "moodle_message": "given up: Moodle knows this user no more",
    }
    with told.database.transaction() as session:
        session.delete(session.scalars(select(messages.MoodleAccount)).one())
        retry_given_up(session, now=told.clock())
    deliver(told)
    said = "delivered: the person has no account in Moodle that could be written to"
    assert outcomes(told)["moodle_message"] == said


def test_a_stopped_exchange_is_waited_for_but_not_for_ever(told: Tool, clock: MovableClock) -> None:
    with told.database.transaction() as session:
        moodle = session.scalars(select(messages.Moodle)).one()
        moodle.stopped_at, moodle.stopped_by, moodle.stopped_why = NOW, "админ", "перенос"
    for _ in range(3):
        deliver(told)
        clock.move(hours=1)
    assert outcomes(told)["moodle_message"] == "waits: the exchange with this Moodle is stopped"
    clock.move(days=14)
    deliver(told)
    said = "delivered: it waited for more than two weeks and is news no longer"
    assert outcomes(told)["moodle_message"] == said


def test_a_moodle_that_does_not_answer_is_asked_again(told: Tool) -> None:
    with told.database.transaction() as session:
        session.scalars(select(messages.Moodle)).one().url = "http://127.0.0.1:9"
    deliver(told)
    assert outcomes(told)["moodle_message"].startswith("waits: ")  # type: ignore[union-attr]


def test_without_a_mail_server_no_mail_waits_for_one(app: Flask, database: Database) -> None:
    parts: Tool = app.extensions["ploshchadka"]
    with app.app_context():
        with parts.database.transaction() as session:
            world = World(session)
            notify(parts, session, world.leader, world.intake)
        deliver(parts)
        assert outcomes(parts)["mail"] == "delivered: no mail server is set"
        # No feature's words name this occasion.
        assert outcomes(parts)["moodle_message"] == "given up: there are no words for test"


def test_words_show_dates_as_people_write_them_and_long_ones_are_cut(app: Flask, told: Tool) -> None:
    shown = {
        value: delivery._shown(value, told.settings)
        for value in ("2026-12-10", "2026-12-10T08:00:00+00:00", "2026-13-40", "12", "Школа № 5")
    }
    assert shown == {
        "2026-12-10": "10 декабря 2026",
        "2026-12-10T08:00:00+00:00": "10 декабря 2026, 15:00",
        "2026-13-40": "2026-13-40",
        "12": "12",
        "Школа № 5": "Школа № 5",
    }
    assert delivery._shown(7, told.settings) == 7
    text = messages.message_text(Told("<b>&", "ж" * 9000, "https://tool.example.org/open/x"))
    assert len(text.encode()) < 4096
    assert "&lt;b&gt;&amp;" in text
    assert "…</p>" in text


def test_a_fact_that_is_missing_is_said(told: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    with told.database.transaction() as session:
        notice = session.scalars(select(Notice)).one()
        notice.facts = {}
        assert notice.told_at > NOW - timedelta(days=1)
    deliver(told)
    said = "given up: the words of test ask for a fact that the notice lacks"
    assert outcomes(told) == {"mail": said, "moodle_message": said}
