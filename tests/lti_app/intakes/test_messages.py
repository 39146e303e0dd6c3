"""A leader writes to a selection of trainees: once each, and to nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.outbox import OutboxMessage
from lti_app.intakes.message_models import IntakeMessage
from lti_app.intakes.messages import LONGEST_MESSAGE, messages_to, recipients_of, send_message, sent_messages
from lti_app.notices.delivery import Told, told
from lti_app.notices.models import Notice
from lti_app.web.upkeep import OCCASIONS
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries


def _send(
    session: Session, world: World, *trainee_ids: int, text: str = "Встречаемся в 10:00.", **more: Any
) -> IntakeMessage:
    asked = {"form_key": "one", "actor": world.leader_actor, "now": NOW} | more
    return send_message(session, world.intake.id, text=text, trainee_ids=trainee_ids, **asked)


def test_those_chosen_are_told_by_both_ways_and_nobody_else(database: Database, settings: Any) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris, other = world.trainees(3)
        message = _send(session, world, anna.id, boris.id, text="  Встречаемся в 10:00.\r\nКабинет 12: 100 % вовремя ")
        assert (message.recipients, message.text) == (2, "Встречаемся в 10:00.\nКабинет 12: 100 % вовремя")
        notices = session.scalars(select(Notice).order_by(Notice.person_id)).all()
        assert [notice.person_id for notice in notices] == [anna.person_id, boris.person_id]
        assert (
            sorted(one.kind for one in session.scalars(select(OutboxMessage))) == ["mail"] * 2 + ["moodle_message"] * 2
        )
        found = told(session, settings, OCCASIONS, notices[0].id, NOW)
        assert isinstance(found, tuple)
        words = found[1]
        assert isinstance(words, Told)
        assert world.leader.full_name in words.text
        assert words.text.endswith("Встречаемся в 10:00.\nКабинет 12: 100 % вовремя")
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.object_type, entry.changes) == (
            "write_to_trainees",
            "intake_message",
            {"recipients": [None, 2]},
        )
        assert [one.text for one in messages_to(session, intake_id=world.intake.id, person_id=anna.person_id)]
        assert not messages_to(session, intake_id=world.intake.id, person_id=other.person_id)


def test_the_same_form_sent_twice_is_one_message_another_form_is_another(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        anna, boris = world.trainees(2)
        first = _send(session, world, anna.id)
        assert _send(session, world, anna.id).id == first.id
        for anew in ((anna.id,), "ещё раз"), ((boris.id,), first.text):  # gone back to, and written anew
            with pytest.raises(Conflict, match="form_sent_already"):
                _send(session, world, *anew[0], text=anew[1])
        assert _send(session, world, anna.id, form_key="two").id != first.id
        assert len(session.scalars(select(Notice)).all()) == 2
        sent = sent_messages(session, world.intake.id)
        assert [(one.recipients, one.names) for one in sent] == [(1, (anna.person.short_name,))] * 2


def test_nothing_goes_out_without_text_without_people_or_to_strangers(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        anna, left, stranger = world.trainee(), world.trainee(left=True), other.trainee()
        for text, code in ((" \n ", "message_empty"), ("я" * (LONGEST_MESSAGE + 1), "message_too_long")):
            with pytest.raises(DomainError, match=code):
                _send(session, world, anna.id, text=text)
        with pytest.raises(DomainError, match="nobody_chosen"):
            _send(session, world)
        for wrong in (left.id, stranger.id):
            with pytest.raises(Conflict, match="not_a_trainee"):
                _send(session, world, anna.id, wrong)
        with pytest.raises(Forbidden, match="not_your_site"):
            _send(session, world, anna.id, actor=other.leader_actor)
        with pytest.raises(NotFound, match="no_such_intake"):
            send_message(session, 999, text="x", trainee_ids=[1], form_key="x", actor=world.leader_actor, now=NOW)
        with pytest.raises(DomainError, match="text_too_long"):
            _send(session, world, anna.id, form_key="k" * 41)
        assert not session.scalars(select(Notice)).all()
        assert not session.scalars(select(IntakeMessage)).all()


def test_the_list_says_by_which_ways_somebody_is_reached_in_one_query(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        world.trainee("Абрамова")
        world.account(world.trainee("Белова").person, 44)
        world.trainee("Власова", person=world.person("Власова", idnumber="SN-1"))
        intake_id = world.intake.id
    with database.session(writes=False) as session, counted_queries(database) as queries:
        found = [(one.has_mail, one.has_account, one.is_reachable) for one in recipients_of(session, intake_id)]
    assert found == [(True, False, True), (True, True, True), (False, False, False)]
    assert len(queries) == 1
