"""Credited hours reach the gradebook of a Moodle over real HTTP: the ledger's sum, in order, and not twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from lti_app.core.db import Database
from lti_app.core.edge import Tool
from lti_app.core.outbox import Delivered, Later, OutboxMessage, Outcome, Refused, deliver_due
from lti_app.credits import scores
from lti_app.credits.models import CreditEntry, CreditProposal, ScoreState
from lti_app.credits.outstanding import Undelivered, queue_for_new_links, undelivered_scores
from lti_app.credits.scores import comment_on, deliver_score
from lti_app.credits.service import confirm_credits, propose_credits, put_forward_again, reverse_entry
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.lti.keys import ensure_key, published_keys
from lti_app.lti.models import LtiRegistration, LtiResourceLink, Moodle
from lti_app.sync.night import run_night
from lti_app.sync.words import score_words
from moodle_sync.sandbox import Sandbox, running_sandbox
from moodle_sync.sandbox.state import Grade
from tests.conftest import MovableClock
from tests.lti_app.world import NOW, World, registered_tool

SECOND = timedelta(seconds=1)


def _seed(key_set: dict[str, Any]) -> dict[str, Any]:
    people = [
        {"id": 10 + n, "username": f"t{n}", "firstname": "А", "lastname": "Б", "email": f"t{n}@x.ru"} for n in (1, 2)
    ]
    link = {"kind": "lti", "name": "Площадка", "tool": "Площадка", "completion": "grade"}
    return {
        "users": people,
        "tools": [registered_tool(key_set)],
        "categories": [{"name": "Площадки"}],
        "courses": [
            {"id": 5, "shortname": "intake-a", "fullname": "Поток", "activities": [link, {**link, "name": "Ещё"}]}
        ],
        "enrolments": [{"user": "t1", "course": 5}, {"user": "t2", "course": 5}],
    }


class Gradebook:
    """An intake whose one trainee has earned 18 of 24 hours, in a sandbox Moodle that knows the tool."""

    def __init__(self, tool: Tool, sandbox: Sandbox) -> None:
        self.tool = tool
        self.database: Database = tool.database
        self.sandbox = sandbox
        self.items = sorted(item.id for item in sandbox.state.grade_items.values() if item.itemtype == "mod")
        with self.database.transaction() as session:
            moodle = Moodle(name="a", url=sandbox.url, token_encrypted="sealed", created_at=NOW)
            session.add(moodle)
            session.flush()
            self.world = World(session, "a", topics=(18, 6), needed=18, course_id=5, moodle=moodle)
            self.trainee = self.world.trainee()
            self.account = self.world.account(self.trainee.person, 11)
            self.link = self.world.link(5, lineitem_url=self.line_item(self.items[0]))
            self.world.attended(self.world.meeting(topic=0, hours=18), self.trainee)

    def line_item(self, item: int) -> str:
        return f"{self.sandbox.url}/mod/lti/services.php/5/lineitems/{item}/lineitem?type_id=1"

    def credit(self) -> None:
        """Let the night propose and the leader confirm."""
        with self.database.transaction() as session:
            propose_credits(session, now=self.tool.clock())
            ids = session.scalars(select(CreditProposal.id).where(CreditProposal.state == "open")).all()
            confirm_credits(
                session,
                intake_id=self.world.intake.id,
                proposal_ids=ids,
                actor=self.world.leader_actor,
                now=self.tool.clock(),
            )

    def reverse(self) -> None:
        """Take the last credit back."""
        with self.database.transaction() as session:
            last = session.scalars(
                select(CreditEntry.id).where(CreditEntry.kind == "credit").order_by(CreditEntry.id.desc())
            ).first()
            assert last is not None
            reverse_entry(session, entry_id=last, reason="ошибка", actor=self.world.leader_actor, now=self.tool.clock())

    def put_forward(self) -> None:
        """Let the leader propose again what was taken back."""
        with self.database.transaction() as session:
            put_forward_again(session, trainee_id=self.trainee.id, actor=self.world.leader_actor, now=self.tool.clock())

    def deliver(self) -> list[str | None]:
        """Deliver what is due; return what the messages say afterwards."""
        deliver_due(self.database, {"score": deliver_score}, self.tool.clock)
        with self.database.session(writes=False) as session:
            return list(session.scalars(select(OutboxMessage.last_error).order_by(OutboxMessage.id)))

    def post(self) -> Outcome:
        return deliver_score(self.database, {"trainee_id": self.trainee.id}, self.tool.clock())

    def change(self, act: Callable[[Any], object]) -> None:
        with self.database.transaction() as session:
            act(session)

    def grade(self, item: int = 0, user: int = 11) -> Grade | None:
        return self.sandbox.state.grades[self.items[item]].get(user)

    def hours(self, item: int = 0, user: int = 11) -> float | None:
        """Return the hours that a column shows for a user, whatever its maximum."""
        grade = self.grade(item, user)
        maximum = self.sandbox.state.grade_items[self.items[item]].maximum
        return None if grade is None or grade.value is None else round(grade.value / maximum * 24, 2)

    def replace_link(self, item: int = 1) -> None:
        """Let somebody open another link of the course for the first time, as a launch would tell."""

        def launch(session: Any) -> None:
            self.world.session = session
            self.world.link(5, lineitem_url=self.line_item(self.items[item])).changed_at = NOW + timedelta(hours=1)

        self.change(launch)

    def queue(self) -> int:
        """Do what the night does for links that are new."""
        with self.database.transaction() as session:
            return queue_for_new_links(session, moodle_id=self.world.moodle.id, now=self.tool.clock())

    def undelivered(self) -> Undelivered:
        with self.database.session(writes=False) as session:
            return undelivered_scores(session, self.world.moodle.id)

    @property
    def state(self) -> ScoreState:
        with self.database.session(writes=False) as session:
            return session.get_one(ScoreState, self.trainee.id)


@pytest.fixture
def gradebook(app: Flask) -> Iterator[Gradebook]:
    tool: Tool = app.extensions["ploshchadka"]
    with app.app_context():
        with tool.database.transaction() as session:
            ensure_key(session, tool.vault, datetime(2020, 1, 1, tzinfo=NOW.tzinfo))
            key_set = published_keys(session, NOW)
        with running_sandbox(_seed(key_set), hang=0.05) as sandbox:
            yield Gradebook(tool, sandbox)


def test_confirmed_hours_stand_in_the_gradebook_and_the_activity_is_complete(gradebook: Gradebook) -> None:
    gradebook.credit()
    assert gradebook.deliver() == [None]
    grade = gradebook.grade()
    assert grade is not None
    assert grade.value == pytest.approx(18)
    assert gradebook.sandbox.state.grade_items[gradebook.items[0]].maximum == 24  # the column counts hours
    assert grade.comment == comment_on(Decimal(18), Decimal(24))
    assert (gradebook.state.posted_hours, gradebook.state.posted_stamp) == (18, gradebook.state.stamp)


def test_where_the_column_may_not_be_changed_the_score_arrives_as_a_share(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.sandbox.faults.set("http500@/mod/lti/services.php/*/lineitem#1")
    assert gradebook.deliver() == [None]
    grade = gradebook.grade()
    assert grade is not None
    assert grade.value == pytest.approx(75)  # 18 of 24, of the column's 100


def test_the_comment_is_in_the_municipalitys_language(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert comment_on(Decimal(18), Decimal(24)) == "Зачтено 18 из 24 ак. ч"
        assert comment_on(Decimal("1.5"), Decimal(24)) == "Зачтено 1,5 из 24 ак. ч"


def test_a_second_credit_and_a_reversal_in_the_same_second_arrive_as_the_sum(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.deliver()
    gradebook.change(lambda session: _attend_more(session, gradebook))
    gradebook.credit()
    assert gradebook.deliver()[-1] is None
    assert gradebook.grade().value == pytest.approx(24)  # type: ignore[union-attr]
    gradebook.reverse()
    assert gradebook.deliver()[-1] is None
    assert gradebook.grade().value == pytest.approx(18)  # type: ignore[union-attr]
    assert gradebook.state.stamp == gradebook.tool.clock() + 2 * SECOND


def _attend_more(session: Any, gradebook: Gradebook) -> None:
    gradebook.world.session = session
    for row in (gradebook.world.intake, gradebook.trainee, *gradebook.world.topics):
        session.add(row)
    gradebook.world.attended(gradebook.world.meeting(topic=1, hours=6), gradebook.trainee)


def test_timestamps_rise_when_the_clock_is_set_back(gradebook: Gradebook, clock: MovableClock) -> None:
    gradebook.credit()
    gradebook.deliver()
    clock.move(hours=-3)
    gradebook.reverse()
    gradebook.deliver()
    assert gradebook.grade().value == 0  # type: ignore[union-attr]
    assert gradebook.state.stamp == NOW + SECOND


def test_two_messages_waiting_make_one_post(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.reverse()
    gradebook.put_forward()
    gradebook.credit()
    gradebook.deliver()
    assert gradebook.grade().value == pytest.approx(18)  # type: ignore[union-attr]
    assert gradebook.state.stamp == NOW  # one stamp was taken, so one score was posted
    assert gradebook.post() == Delivered("Moodle holds these hours already")


def test_what_was_credited_and_reversed_before_any_post_is_not_posted(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.reverse()
    gradebook.deliver()
    assert gradebook.grade() is None


def test_an_answer_that_was_lost_is_asked_for_again(gradebook: Gradebook, clock: MovableClock) -> None:
    gradebook.credit()
    gradebook.sandbox.faults.set("drop_after@/mod/lti/services.php/*/scores")
    (reason,) = gradebook.deliver()
    assert reason
    assert gradebook.grade().value == pytest.approx(18)  # type: ignore[union-attr]
    assert gradebook.state.posted_stamp is None
    gradebook.sandbox.faults.clear()
    # Taken back before Moodle's word came: what the gradebook holds isn't known, so 0 is posted.
    gradebook.reverse()
    clock.move(minutes=1)
    gradebook.deliver()
    assert gradebook.grade().value == 0  # type: ignore[union-attr]


def test_moodle_that_holds_a_later_score_counts_as_told(gradebook: Gradebook) -> None:
    gradebook.sandbox.state.grades[gradebook.items[0]][11] = Grade(75.0, int((NOW + 60 * SECOND).timestamp()))
    gradebook.credit()
    assert gradebook.deliver() == ["was there already"]


def test_a_score_waits_until_the_course_is_made_opened_and_the_account_known(
    gradebook: Gradebook, clock: MovableClock
) -> None:
    gradebook.credit()
    intake, account, link = gradebook.world.intake, gradebook.account, gradebook.link
    gradebook.change(lambda s: setattr(s.get(type(intake), intake.id), "course_id", None))
    gradebook.change(lambda s: s.delete(s.get(type(account), account.id)))
    gradebook.change(lambda s: setattr(s.get(LtiResourceLink, link.id), "lineitem_url", None))

    def waiting() -> str:
        outcome = gradebook.post()
        assert isinstance(outcome, Later)
        assert outcome.patient
        return outcome.reason

    assert waiting() == "intake intake-a has no course in Moodle yet"
    assert score_words(waiting()) == "у потока intake-a ещё нет курса в Moodle"
    gradebook.change(lambda s: setattr(s.get(type(intake), intake.id), "course_id", 5))
    assert score_words(waiting()) == "стажёр ещё не найден в Moodle"
    gradebook.change(lambda s: _tie_account(s, gradebook))
    assert score_words(waiting()) == "в курсе № 5 ещё никто не перешёл по ссылке на площадку"
    url = gradebook.line_item(gradebook.items[0])
    gradebook.change(lambda s: setattr(s.get(LtiResourceLink, link.id), "lineitem_url", url))
    assert gradebook.post() == Delivered()


def _tie_account(session: Any, gradebook: Gradebook) -> None:
    gradebook.world.session = session
    gradebook.world.account(gradebook.trainee.person, 11)


def test_a_link_that_is_gone_leaves_the_score_to_the_other_link(gradebook: Gradebook) -> None:
    def second_link(session: Any) -> None:
        gradebook.world.session = session
        gradebook.world.link(5, lineitem_url=gradebook.line_item(gradebook.items[1])).changed_at = NOW - 60 * SECOND
        session.get(LtiResourceLink, gradebook.link.id).lineitem_url = gradebook.line_item(999)

    gradebook.change(second_link)
    gradebook.credit()
    assert gradebook.post() == Delivered()
    assert gradebook.grade(1).value == pytest.approx(18)  # type: ignore[union-attr]


def test_hours_of_all_trainees_move_to_the_column_of_a_link_that_replaced_theirs(gradebook: Gradebook) -> None:
    gradebook.change(lambda session: _second_trainee(session, gradebook))
    gradebook.credit()
    gradebook.deliver()
    assert gradebook.queue() == 0
    gradebook.replace_link()
    assert gradebook.queue() == 2
    assert gradebook.queue() == 0  # they wait already
    gradebook.deliver()
    assert [gradebook.hours(1, user) for user in (11, 12)] == [18, 18]
    assert gradebook.state.posted_to == gradebook.line_item(gradebook.items[1])
    assert gradebook.state.stamp == NOW + SECOND  # within the same second, and later all the same
    assert gradebook.queue() == 0


def test_hours_reach_a_link_that_was_replaced_and_came_back_while_they_were_on_their_way(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.deliver()

    def open_again(link_id: int, hours: int) -> None:
        gradebook.change(lambda s: setattr(s.get(LtiResourceLink, link_id), "changed_at", NOW + timedelta(hours=hours)))

    gradebook.replace_link()
    with gradebook.database.session(writes=False) as session:
        new_id = session.scalars(select(func.max(LtiResourceLink.id))).one()
    assert gradebook.queue() == 1
    open_again(gradebook.link.id, 2)
    assert gradebook.deliver() == [None, "Moodle holds these hours already"]
    assert gradebook.queue() == 0
    open_again(new_id, 3)
    assert gradebook.queue() == 1
    assert gradebook.queue() == 0
    gradebook.deliver()
    assert gradebook.hours(1) == 18
    assert gradebook.queue() == 0


def _second_trainee(session: Any, gradebook: Gradebook) -> None:
    gradebook.world.session = session
    session.add(gradebook.world.intake)
    second = gradebook.world.trainee()
    gradebook.world.account(second.person, 12)
    meeting = gradebook.world.meeting(topic=0, hours=18)
    gradebook.world.attended(meeting, second)


def test_nothing_is_sent_to_a_new_column_for_hours_that_were_taken_back(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.deliver()
    gradebook.reverse()
    gradebook.deliver()
    gradebook.replace_link()
    assert gradebook.queue() == 0
    assert gradebook.post() == Delivered("Moodle holds these hours already")
    assert gradebook.grade(1) is None


def test_hours_given_up_with_a_link_that_was_gone_reach_the_new_one(gradebook: Gradebook) -> None:
    gradebook.change(
        lambda s: setattr(s.get(LtiResourceLink, gradebook.link.id), "lineitem_url", gradebook.line_item(999))
    )
    gradebook.credit()
    (reason,) = gradebook.deliver()
    assert gradebook.undelivered() == Undelivered(0, 1, [{"reason": reason, "trainees": 1, "given_up": True}])
    assert gradebook.queue() == 1  # once more for this column, in case it was Moodle's passing mood …
    gradebook.deliver()
    assert gradebook.queue() == 0  # … and no more
    assert gradebook.undelivered().given_up == 1
    gradebook.replace_link()
    assert gradebook.queue() == 1
    gradebook.deliver()
    assert gradebook.hours(1) == 18
    assert gradebook.undelivered() == Undelivered(0, 0, [])


def test_a_newest_link_that_moodle_refuses_is_not_tried_every_night(gradebook: Gradebook) -> None:
    gradebook.credit()
    gradebook.deliver()

    def broken_link(session: Any) -> None:
        gradebook.world.session = session
        gradebook.world.link(5, lineitem_url=gradebook.line_item(999)).changed_at = NOW + timedelta(hours=1)

    gradebook.change(broken_link)
    assert gradebook.queue() == 1
    gradebook.deliver()
    assert gradebook.queue() == 0
    assert gradebook.hours() == 18


def test_waiting_hours_are_counted_with_their_reason(gradebook: Gradebook) -> None:
    gradebook.change(lambda s: setattr(s.get(LtiResourceLink, gradebook.link.id), "lineitem_url", None))
    gradebook.credit()
    assert gradebook.undelivered().waiting == 1
    gradebook.deliver()
    why = "nobody has opened the tool in course 5 yet"
    assert gradebook.undelivered() == Undelivered(1, 0, [{"reason": why, "trainees": 1, "given_up": False}])
    with gradebook.database.session(writes=False) as session:
        assert undelivered_scores(session, 999) == Undelivered(0, 0, [])


def test_the_night_sends_the_hours_to_the_new_link_and_says_what_is_given_up(gradebook: Gradebook) -> None:
    sealed = gradebook.tool.vault.seal(gradebook.sandbox.token)
    moodle_id = gradebook.world.moodle.id
    gradebook.change(lambda s: setattr(s.get(Moodle, moodle_id), "token_encrypted", sealed))
    gradebook.credit()
    gradebook.deliver()
    gradebook.replace_link()
    report = run_night(gradebook.tool, moodle_id).report
    assert gradebook.hours(1) == 18
    assert report["scores"] == {"waiting": 0, "given_up": 0, "reasons": []}
    gradebook.change(lambda s: s.execute(update(LtiResourceLink).values(lineitem_url=gradebook.line_item(999))))
    gradebook.reverse()
    report = run_night(gradebook.tool, moodle_id).report
    assert (report["scores"]["waiting"], report["scores"]["given_up"]) == (0, 1)
    assert "score" in report["scores"]["reasons"][0]["reason"]


def test_links_of_a_disabled_registration_are_left_alone(gradebook: Gradebook) -> None:
    gradebook.change(lambda s: setattr(s.get(LtiRegistration, gradebook.link.registration_id), "disabled_at", NOW))
    gradebook.credit()
    assert isinstance(gradebook.post(), Later)


def test_somebody_whom_moodle_cannot_grade_is_refused_for_good(gradebook: Gradebook) -> None:
    gradebook.change(lambda s: setattr(s.get(type(gradebook.account), gradebook.account.id), "user_id", 2))
    gradebook.credit()
    assert isinstance(gradebook.post(), Refused)
    assert gradebook.state.posted_hours is None
    assert isinstance(deliver_score(gradebook.database, {"trainee_id": 999}, NOW), Refused)


def test_of_two_workers_the_later_sum_stands(gradebook: Gradebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first worker is slow: while its score is on the way, the credit is reversed and the second worker posts."""
    real = scores.post_score
    reached: list[Outcome] = []

    def overtaken(*args: Any, **kwargs: Any) -> Outcome:
        monkeypatch.setattr(scores, "post_score", real)
        gradebook.reverse()
        reached.append(gradebook.post())
        return real(*args, **kwargs)

    gradebook.credit()
    monkeypatch.setattr(scores, "post_score", overtaken)
    assert gradebook.post() == Delivered("was there already")
    assert reached == [Delivered()]
    assert gradebook.grade().value == 0  # type: ignore[union-attr]
    state = gradebook.state
    assert (state.posted_hours, state.posted_stamp) == (0, state.stamp)
    assert state.stamp == NOW + SECOND


def test_who_moved_to_another_intake_of_the_course_has_the_hours_of_that_place_in_its_column(
    gradebook: Gradebook,
) -> None:
    gradebook.credit()
    with gradebook.database.transaction() as session:
        place = session.get_one(Trainee, gradebook.trainee.id)
        place.state, place.left_at = TraineeState.LEFT, NOW
        first = place.intake
        second = Intake(
            code="intake-z",
            version_id=first.version_id,
            moodle_id=first.moodle_id,
            starts_on=first.starts_on,
            ends_on=first.ends_on,
            capacity=5,
            course_id=first.course_id,
            course_tied_by="leader",
        )
        session.add_all([second, Trainee(intake=second, person_id=place.person_id, state="enrolled", enrolled_at=NOW)])
    gradebook.deliver()
    assert not gradebook.sandbox.state.grades[gradebook.items[0]]
    with gradebook.database.transaction() as session:
        there = session.scalars(select(Trainee).where(Trainee.state == TraineeState.ENROLLED)).one()
        session.delete(there)
    outcome = deliver_score(gradebook.database, {"trainee_id": gradebook.trainee.id}, NOW)
    assert isinstance(outcome, Delivered)
    assert gradebook.sandbox.state.grades[gradebook.items[0]][11].value == 18


def _let_nights_in(gradebook: Gradebook) -> int:
    """Give the tool its token of the sandbox; return the Moodle's id."""
    sealed = gradebook.tool.vault.seal(gradebook.sandbox.token)
    moodle_id = gradebook.world.moodle.id
    gradebook.change(lambda s: setattr(s.get(Moodle, moodle_id), "token_encrypted", sealed))
    return moodle_id


def test_a_column_that_could_not_be_changed_counts_hours_after_the_next_night(gradebook: Gradebook) -> None:
    moodle_id = _let_nights_in(gradebook)
    gradebook.credit()
    gradebook.sandbox.faults.set("http500@/mod/lti/services.php/*/lineitem")
    gradebook.deliver()
    assert gradebook.grade().value == pytest.approx(75)  # type: ignore[union-attr]
    run_night(gradebook.tool, moodle_id)
    gradebook.sandbox.faults.clear()
    gradebook.change(lambda s: setattr(s.get(Moodle, moodle_id), "stopped_at", NOW))
    run_night(gradebook.tool, moodle_id)
    assert gradebook.grade().value == pytest.approx(75)  # type: ignore[union-attr]
    gradebook.change(lambda s: setattr(s.get(Moodle, moodle_id), "stopped_at", None))
    run_night(gradebook.tool, moodle_id)
    assert gradebook.grade().value == pytest.approx(18)  # type: ignore[union-attr]
    gradebook.sandbox.calls.clear()
    run_night(gradebook.tool, moodle_id)
    assert not [call for call in gradebook.sandbox.calls if call.startswith("/mod/lti")]


def test_a_score_refused_before_its_person_was_enrolled_goes_out_after(
    gradebook: Gradebook, clock: MovableClock
) -> None:
    moodle_id = _let_nights_in(gradebook)
    del gradebook.sandbox.state.enrolments[5][11]
    gradebook.credit()
    (reason,) = gradebook.deliver()
    assert "400" in str(reason)
    for _night in range(2):  # held, as the first plan of a Moodle: nobody is enrolled
        clock.move(minutes=1)
        run_night(gradebook.tool, moodle_id)
        assert (gradebook.undelivered().waiting, gradebook.undelivered().given_up) == (0, 1)
    gradebook.change(lambda s: s.execute(update(Moodle).values(trusted_at=NOW)))
    clock.move(minutes=1)
    report = run_night(gradebook.tool, moodle_id).report
    assert report["counts"]["enrol"]["done"] == 1
    assert gradebook.hours() == 18
    assert gradebook.undelivered() == Undelivered(0, 0, [])
