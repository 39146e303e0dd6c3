"""Mails about nights: who is told what, how often, and that no name is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import func, select

from config.settings import Settings
from lti_app import create_app
from lti_app.core.edge import Tool, deliver
from lti_app.core.mail import MAIL
from lti_app.core.outbox import OutboxMessage
from lti_app.core.permissions import Role
from lti_app.lti.models import Moodle
from lti_app.people.models import MoodleAccount, Person, RoleGrant
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncChange, SyncRun
from tests.conftest import MovableClock
from tests.lti_app.core.mail_server import MailServer, mail_server
from tests.lti_app.world import NOW, World


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


class Nights:
    """A Moodle with one administrator, runs put down by hand, and rounds of delivery."""

    def __init__(self, app: Flask, clock: MovableClock, server: MailServer) -> None:
        self.app, self.clock, self.server = app, clock, server
        self.tool: Tool = app.extensions["ploshchadka"]
        with self.tool.database.transaction() as session:
            world = World(session)
            self.moodle_id = world.moodle.id
            world.moodle.created_at = NOW
            chief = Person(last_name="Начальникова", first_name="Нина", email="chief@example.org")
            session.add(chief)
            session.flush()
            session.add(
                MoodleAccount(
                    moodle_id=self.moodle_id, user_id=900, person_id=chief.id, matched_by="email", matched_at=NOW
                )
            )
            session.add(RoleGrant(moodle_id=self.moodle_id, user_id=900, role=Role.ADMINISTRATOR, granted_at=NOW))

    def run(
        self, status: RunStatus, *, plan_id: str | None = None, held: bool = False, error: str | None = None
    ) -> int:
        now = self.clock()
        with self.tool.database.transaction() as session:
            run = SyncRun(
                moodle_id=self.moodle_id, status=status, started_at=now, finished_at=now, plan_id=plan_id, error=error
            )
            run.counts = {"enrol": {"planned": 9, "done": 2, "failed": 7}}
            run.held = [{"code": "suspends_many", "course_key": "intake-a", "people": 7, "of": 12, "text": "many"}]
            session.add(run)
            session.flush()
            if held:
                session.add(
                    HeldPlan(
                        moodle_id=self.moodle_id,
                        run_id=run.id,
                        plan_id=plan_id,
                        state=PlanState.HELD,
                        reasons=[],
                        plan={},
                        created_at=now,
                    )
                )
            return run.id

    def fail(self, run_id: int, errorcode: str, number: int = 1) -> None:
        with self.tool.database.transaction() as session:
            for user in range(number):
                session.add(
                    SyncChange(
                        run_id=run_id,
                        kind="enrol",
                        target=f"intake-a/{user}",
                        failed=True,
                        errorcode=errorcode,
                        message="Начальникова",
                        remedy="See Moodle's own log at the time of the run.",
                        at=self.clock(),
                    )
                )

    def told(self) -> list[str]:
        """Deliver, and return the subjects of what arrived since the last time."""
        before = len(self.server.mails)
        with self.app.app_context():
            deliver(self.tool)
        return [str(mail["Subject"]).partition(": ")[2] for mail in self.server.mails[before:]]

    def last_text(self) -> str:
        return str(self.server.mails[-1].get_content())


@pytest.fixture
def nights(settings: Settings, clock: MovableClock, server: MailServer) -> Iterator[Nights]:
    app = create_app(replace(settings, smtp_url=server.url), clock)
    yield Nights(app, clock, server)
    app.extensions["ploshchadka"].database.dispose()


HELD = ["план ночного обмена ждёт вашего решения"]
TROUBLE = ["ночной обмен прошёл с ошибками"]
SILENT = ["ночной обмен не проводится"]
AGAIN = ["ночной обмен снова работает"]


def test_a_good_night_is_no_news(nights: Nights) -> None:
    nights.run(RunStatus.DONE)

    assert nights.told() == []


def test_a_held_plan_is_told_once_and_again_after_three_days(nights: Nights) -> None:
    nights.run(RunStatus.HELD, plan_id="a" * 64, held=True)
    assert nights.told() == HELD
    assert "7 из 12" in nights.last_text()

    for _night in range(2):
        nights.clock.move(hours=24)
        nights.run(RunStatus.HELD, plan_id="a" * 64)
        assert nights.told() == []
    nights.clock.move(hours=25)
    nights.run(RunStatus.HELD, plan_id="a" * 64)

    assert nights.told() == HELD
    assert nights.told() == []


def test_the_same_failures_are_told_once_a_week_others_at_once_and_that_it_works_again(nights: Nights) -> None:
    nights.fail(nights.run(RunStatus.FAILED_SOME), "nopermissions")
    assert nights.told() == TROUBLE
    for _night in range(6):
        nights.clock.move(hours=24)
        nights.fail(nights.run(RunStatus.FAILED_SOME), "nopermissions")
        assert nights.told() == []
    nights.clock.move(hours=25)
    nights.fail(nights.run(RunStatus.FAILED_SOME), "nopermissions")
    assert nights.told() == TROUBLE
    nights.clock.move(hours=1)
    nights.fail(nights.run(RunStatus.FAILED_SOME), "invaliduser")
    assert nights.told() == TROUBLE

    nights.clock.move(hours=1)
    nights.run(RunStatus.DONE)
    assert nights.told() == AGAIN
    nights.clock.move(hours=24)
    nights.run(RunStatus.DONE)
    assert nights.told() == []


@pytest.mark.parametrize("status", [RunStatus.UNREADABLE, RunStatus.INTERRUPTED])
def test_a_run_that_could_not_do_its_work_is_told(nights: Nights, status: RunStatus) -> None:
    nights.run(status, error="Moodle said Начальникова. Check that the course still exists in Moodle.")

    assert nights.told() == TROUBLE
    assert "Проверьте" in nights.last_text()
    assert "Начальникова" not in nights.last_text()


def test_five_failures_are_told_with_their_remedy_and_without_names(nights: Nights) -> None:
    run_id = nights.run(RunStatus.FAILED_SOME)
    nights.fail(run_id, "nopermissions", number=7)
    nights.told()

    text = nights.last_text()
    assert text.count("nopermissions") == 5
    assert f"обмен № {run_id}" in text
    assert "Начальникова" not in text
    assert "с ошибкой 7" in text


def test_nights_that_do_not_run_are_told_once_a_gap(nights: Nights) -> None:
    nights.run(RunStatus.DONE)
    nights.clock.move(hours=25)
    assert nights.told() == []
    nights.clock.move(hours=2)
    assert nights.told() == SILENT
    nights.clock.move(hours=48)
    assert nights.told() == []

    nights.run(RunStatus.DONE)
    assert nights.told() == AGAIN
    nights.clock.move(hours=27)
    assert nights.told() == SILENT


def test_a_moodle_that_never_had_a_night_is_told_after_26_hours(nights: Nights) -> None:
    assert nights.told() == []
    nights.clock.move(hours=27)

    assert nights.told() == SILENT


def test_a_stopped_exchange_is_left_alone(nights: Nights) -> None:
    with nights.tool.database.transaction() as session:
        session.get_one(Moodle, nights.moodle_id).stopped_at = NOW
    nights.clock.move(hours=27)

    assert nights.told() == []


def test_whoever_is_no_administrator_any_more_gets_no_mail_that_waits(nights: Nights) -> None:
    nights.server.answers["RCPT"] = "451 later"
    nights.run(RunStatus.UNREADABLE)
    assert nights.told() == []
    with nights.tool.database.transaction() as session:
        session.delete(session.scalars(select(RoleGrant)).one())
    nights.server.answers.clear()
    nights.clock.move(minutes=5)

    assert nights.told() == []
    with nights.tool.database.session(writes=False) as session:
        assert session.scalars(select(OutboxMessage)).one().given_up_at is not None


def test_addresses_of_the_setting_are_told_too_and_nobody_twice(
    settings: Settings, clock: MovableClock, server: MailServer
) -> None:
    addresses = ("CHIEF@example.org", "centre@example.org")
    app = create_app(replace(settings, smtp_url=server.url, admin_mail=addresses), clock)
    nights = Nights(app, clock, server)
    nights.run(RunStatus.UNREADABLE)

    nights.told()

    assert sorted(mail["To"] for mail in server.mails) == ["centre@example.org", "chief@example.org"]
    with nights.tool.database.session(writes=False) as session:
        assert not any("example.org" in str(message.payload) for message in session.scalars(select(OutboxMessage)))
    nights.tool.database.dispose()


def test_nothing_is_queued_without_a_mail_server(app: Flask, clock: MovableClock, server: MailServer) -> None:
    nights = Nights(app, clock, server)
    nights.run(RunStatus.UNREADABLE)

    assert nights.told() == []
    with nights.tool.database.session(writes=False) as session:
        queued = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.kind == MAIL)
        assert session.scalar(queued) == 0


def test_the_command_sends_a_test_mail_or_says_what_is_amiss(nights: Nights, app: Flask, server: MailServer) -> None:
    runner = nights.app.test_cli_runner()
    good = runner.invoke(args=["mail", "test", "me@example.org"])
    server.answers["RCPT"] = "550 no"
    refused = runner.invoke(args=["mail", "test", "me@example.org"])
    wrong = runner.invoke(args=["mail", "test", "nobody"])
    unset = app.test_cli_runner().invoke(args=["mail", "test", "me@example.org"])

    assert (good.exit_code, refused.exit_code, wrong.exit_code, unset.exit_code) == (0, 69, 64, 64)
    assert "code 550" in refused.output
    assert "SMTP_URL is not set" in unset.output
    assert [mail["To"] for mail in server.mails] == ["me@example.org"]
