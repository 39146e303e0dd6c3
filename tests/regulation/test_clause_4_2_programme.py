"""4.2: the leader writes programme and plan and puts them before the council; what it approved stays as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from lti_app.core.audit import AuditEntry
from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor, Role
from lti_app.notices.models import Notice
from lti_app.people.models import RoleGrant
from lti_app.programmes.beginning import begin_version, copy_programme, create_programme
from lti_app.programmes.decisions import decide_item
from lti_app.programmes.demands import DemandRow
from lti_app.programmes.drafts import DraftFacts, PlanRow, save_draft
from lti_app.programmes.models import (
    AgendaItem,
    Decision,
    Form,
    Mode,
    ProductKind,
    ProgrammeVersion,
    Remark,
    Section,
    Sitting,
    VersionState,
)
from lti_app.programmes.remarks import add_remark, answer_remark, change_remark, settle_remark
from lti_app.programmes.sittings import (
    SittingFacts,
    add_version,
    call_sitting,
    change_sitting,
    close_sitting,
    remove_item,
    waiting_versions,
)
from lti_app.programmes.submitting import submit_version, withdraw_version
from tests.lti_app.world import NOW, World

TODAY = NOW.date()
TEXTS = {
    "direction": "Современный урок",
    "goals": "Освоить приёмы",
    "relevance": None,
    "tasks": "Изучить\nПрименить",
    "audience": "Учителя",
    "annotation": None,
    "control": "Технологическая карта",
    "conditions": "Кабинет",
    "sources": None,
}
ROWS = (
    PlanRow("Введение", Form.LECTURE, Mode.DISTANCE, Decimal(4)),
    PlanRow("Практика", Form.PRACTICUM, Mode.ON_SITE, Decimal("4.5"), Decimal(1), "карта", "приёмы"),
)
FACTS = DraftFacts(
    title="Функциональная грамотность",
    hours=Decimal("8.5"),
    hours_needed=Decimal(6),
    needs_completion=False,
    texts=TEXTS,
    competences=("умеет проектировать урок", "знает приёмы"),
    demands=(DemandRow(ProductKind.OPEN_LESSON, "Открытый урок"),),
    rows=ROWS,
)


def member(world: World, user: int = 902) -> Actor:
    """Let a known person be a member of the council."""
    person = world.person("Советова")
    world.account(person, user)
    world.session.add(RoleGrant(moodle_id=world.moodle.id, user_id=user, role=Role.COUNCIL, granted_at=NOW))
    world.session.flush()
    return Actor(person_id=person.id, name="Советова", moodle_id=world.moodle.id, roles=frozenset({Role.COUNCIL}))


def written(session: Session, world: World, facts: DraftFacts = FACTS) -> ProgrammeVersion:
    """Let the leader write a draft."""
    leader = world.leader_actor
    begun = create_programme(session, site_id=world.site.id, title="Черновик", hours=Decimal(8), actor=leader, now=NOW)
    return save_draft(session, begun.id, facts, seen=begun.revision, actor=leader, now=NOW)


def before_council(session: Session, world: World) -> tuple[ProgrammeVersion, AgendaItem, Actor]:
    """Let a submitted version be on the agenda of a sitting that was held today."""
    council = member(world)
    version = submit_version(session, written(session, world).id, actor=world.leader_actor, now=NOW, today=TODAY)
    sitting = call_sitting(session, SittingFacts(TODAY, protocol_number="4"), actor=council, now=NOW)
    return version, add_version(session, sitting.id, version.id, actor=council, now=NOW), council


def decide(session: Session, item: AgendaItem, decision: Decision, council: Actor, note: str = "") -> AgendaItem:
    return decide_item(session, item.id, decision, note=note, actor=council, now=NOW, today=TODAY)


def test_from_a_draft_to_an_approved_version(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        assert [one.id for one in waiting_versions(session)] == []
        remark = add_remark(
            session, version.id, section=Section.TOPIC, topic_position=2, text="Мало часов", actor=council, now=NOW
        )
        assert (remark.topic_title, remark.author_name) == ("Практика", "Советова")
        answer_remark(session, remark.id, answer="Добавим", actor=world.leader_actor, now=NOW)
        settle_remark(session, remark.id, is_settled=True, actor=council, now=NOW)
        decide(session, item, Decision.APPROVED, council)

        assert (version.state, version.council_protocol, version.council_date) == (VersionState.APPROVED, "4", TODAY)
        assert item.sitting.items == [item]
        told = {row.occasion: row.person_id for row in session.scalars(select(Notice))}
        assert told == {
            "version_submitted": council.person_id,
            "version_on_agenda": world.leader.id,
            "remarks_made": world.leader.id,
            "version_approved": world.leader.id,
        }
        actions = set(session.scalars(select(AuditEntry.action)))
        assert {"create_programme", "change_plan", "submit_version", "add_remark", "approve_version"} <= actions


def test_returned_versions_go_back_to_the_leader_and_rejected_ones_do_not(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        with pytest.raises(DomainError) as refusal:
            decide(session, item, Decision.RETURNED, council, " ")
        assert refusal.value.field == "note"
        decide(session, item, Decision.RETURNED, council, "Уточнить цель")
        assert (version.state, version.council_note) == (VersionState.RETURNED, "Уточнить цель")

        save_draft(session, version.id, FACTS, seen=version.revision, actor=world.leader_actor, now=NOW)
        submit_version(session, version.id, actor=world.leader_actor, now=NOW + timedelta(minutes=1), today=TODAY)
        sitting = call_sitting(session, SittingFacts(TODAY, "16:00", protocol_number="5"), actor=council, now=NOW)
        again = add_version(session, sitting.id, version.id, actor=council, now=NOW)
        decide(session, again, Decision.REJECTED, council, "Не соответствует направлению")
        with pytest.raises(DomainError) as closed:
            save_draft(session, version.id, FACTS, seen=version.revision, actor=world.leader_actor, now=NOW)
        assert closed.value.code == "version_not_editable"
        following = begin_version(session, version.programme_id, actor=world.leader_actor, now=NOW)
        assert (following.number, following.parent_id, len(following.topics)) == (2, version.id, 2)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"texts": {**TEXTS, "goals": " "}}, "goals"),
        ({"texts": {**TEXTS, "audience": None}}, "audience"),
        ({"competences": ()}, "competences"),
        ({"rows": ()}, "plan"),
        ({"rows": ROWS[:1]}, "plan"),
    ],
)
def test_what_a_programme_lacks_is_refused_when_it_is_submitted_not_before(
    database: Database, change: dict[str, Any], field: str
) -> None:
    with database.transaction() as session:
        world = World(session)
        version = written(session, world, replace(FACTS, **change))
        with pytest.raises(DomainError) as refusal:
            submit_version(session, version.id, actor=world.leader_actor, now=NOW, today=TODAY)

        assert (refusal.value.field, refusal.value.clause) == (field, "4.2")
        assert version.state is VersionState.DRAFT


def test_a_version_is_its_leaders_only_until_it_is_submitted(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        version = submit_version(session, written(session, world).id, actor=world.leader_actor, now=NOW, today=TODAY)
        for attempt in (
            lambda: save_draft(session, version.id, FACTS, seen=version.revision, actor=world.leader_actor, now=NOW),
            lambda: submit_version(session, version.id, actor=world.leader_actor, now=NOW, today=TODAY),
            lambda: begin_version(session, version.programme_id, actor=world.leader_actor, now=NOW),
            lambda: withdraw_version(session, version.id, actor=other.leader_actor, now=NOW),
            lambda: copy_programme(
                session, version.programme_id, site_id=other.site.id, actor=other.leader_actor, now=NOW
            ),
            lambda: create_programme(
                session, site_id=world.site.id, title="Х", hours=Decimal(1), actor=other.leader_actor, now=NOW
            ),
        ):
            with pytest.raises(DomainError):
                attempt()
        withdraw_version(session, version.id, actor=world.leader_actor, now=NOW)
        assert version.state is VersionState.DRAFT
        with pytest.raises(DomainError) as twice:
            withdraw_version(session, version.id, actor=world.leader_actor, now=NOW)
        assert twice.value.code == "version_not_submitted"


def test_the_second_of_two_writers_sees_both_texts_and_overwrites_nothing(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version = written(session, world)
        seen = version.revision
        save_draft(session, version.id, replace(FACTS, title="Первый"), seen=seen, actor=world.leader_actor, now=NOW)
        other = replace(FACTS, title="Второй", rows=ROWS[:1])
        with pytest.raises(EditedMeanwhile) as meanwhile:
            save_draft(session, version.id, other, seen=seen, actor=world.leader_actor, now=NOW)

        pairs = {str(one.field): (one.theirs, one.yours) for one in meanwhile.value.differences}
        assert ("Первый", "Второй") in pairs.values()
        assert any("2. Практика" in theirs and "2. Практика" not in yours for theirs, yours in pairs.values())
        assert (version.title, len(version.topics)) == ("Первый", 2)
        save_draft(session, version.id, other, seen=meanwhile.value.revision, actor=world.leader_actor, now=NOW)
        assert (version.title, len(version.topics)) == ("Второй", 1)


def test_rows_keep_who_they_are_when_they_change_places(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version = written(session, world)
        first, second = version.topics
        swapped = (
            replace(ROWS[1], topic_id=second.id, title="Практика урока"),
            replace(ROWS[0], topic_id=first.id),
            replace(ROWS[0], title="Новая", topic_id=first.id),  # named twice: a new row
        )
        facts = replace(FACTS, rows=swapped, hours=Decimal("12.5"))
        save_draft(session, version.id, facts, seen=version.revision, actor=world.leader_actor, now=NOW)

        assert [(one.id, one.title) for one in version.topics][:2] == [
            (second.id, "Практика урока"),
            (first.id, "Введение"),
        ]
        assert version.topics[2].id not in (first.id, second.id)


FROZEN = [
    "UPDATE programme_version SET title = 'другое' WHERE id = {version}",
    "UPDATE programme_version SET hours = hours + 100 WHERE id = {version}",
    "UPDATE programme_version SET goals = NULL WHERE id = {version}",
    "UPDATE topic SET hours = hours + 100 WHERE version_id = {version}",
    "UPDATE topic SET version_id = {other} WHERE version_id = {version}",
    "DELETE FROM topic WHERE version_id = {version} AND position = 2",
    "INSERT INTO topic (version_id, position, title, form, mode, hours) "
    "VALUES ({version}, 9, 'x', 'lecture', 'on_site', 100)",
    "UPDATE competence SET text = 'другое' WHERE version_id = {version}",
    "DELETE FROM competence WHERE version_id = {version}",
    "INSERT INTO competence (version_id, position, text) VALUES ({version}, 9, 'x')",
    "UPDATE product_demand SET title = 'другое' WHERE version_id = {version}",
    "UPDATE product_demand SET version_id = {other}, position = 2 WHERE version_id = {version}",
    "DELETE FROM product_demand WHERE version_id = {version}",
    "INSERT INTO product_demand (version_id, position, kind, title, criteria) "
    "VALUES ({version}, 9, 'other', 'x', '[]')",
    "DELETE FROM programme_version WHERE id = {version}",
]


@pytest.mark.parametrize("state", [VersionState.SUBMITTED, VersionState.APPROVED, VersionState.REJECTED])
def test_the_database_refuses_to_change_what_is_with_the_council_or_decided(
    database: Database, state: VersionState
) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        if state is not VersionState.SUBMITTED:
            decision = Decision.APPROVED if state is VersionState.APPROVED else Decision.REJECTED
            decide(session, item, decision, council, "так решили")
        draft = written(session, world)
        session.flush()
        steps = [one.value for one in VersionState if one is not state]
        allowed = {"draft", "returned", "approved", "rejected"} if state is VersionState.SUBMITTED else set()
        attempts = [
            *FROZEN,
            *(
                f"UPDATE programme_version SET state = '{one}' WHERE id = {{version}}"
                for one in steps
                if one not in allowed
            ),
        ]
        for attempt in attempts:
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(text(attempt.format(version=version.id, other=draft.id)))


def test_the_database_approves_nothing_whose_topics_do_not_add_up_or_skips_the_council(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version = written(session, world, replace(FACTS, rows=ROWS[:1]))
        values = "council_protocol = '1', council_date = '2026-11-01'"
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE programme_version SET state = 'approved', {values} WHERE id = {version.id}"))
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE programme_version SET state = 'rejected', {values} WHERE id = {version.id}"))


def test_only_the_council_decides_and_nobody_on_the_own_site(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, _council = before_council(session, world)
        others = [
            Actor(world.person().id, "Х", roles=frozenset({role}), led_site_ids=frozenset())
            for role in set(Role) - {Role.COUNCIL}
        ]
        both = Actor(
            world.leader.id, "Х", roles=frozenset({Role.COUNCIL, Role.LEADER}), led_site_ids=frozenset({world.site.id})
        )
        for actor in (*others, both):
            with pytest.raises(DomainError) as refusal:
                decide(session, item, Decision.APPROVED, actor)
            assert refusal.value.code in ("not_permitted", "own_site")
        for actor in others:
            with pytest.raises(DomainError):
                add_remark(
                    session, version.id, section=Section.WHOLE, topic_position=None, text="х", actor=actor, now=NOW
                )
        assert version.state is VersionState.SUBMITTED


def test_a_decision_needs_its_protocol_its_day_and_a_version_that_is_there(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        sitting = item.sitting

        def refused(decision: Decision = Decision.APPROVED) -> str:
            with pytest.raises(DomainError) as refusal:
                decide(session, item, decision, council, "почему")
            return refusal.value.code

        assert refused(Decision.END_RECOMMENDED) == "decision_unfit"
        for facts, code in (
            (SittingFacts(TODAY), "protocol_missing"),
            (SittingFacts(TODAY + timedelta(days=1), protocol_number="4"), "sitting_to_come"),
        ):
            change_sitting(session, sitting.id, facts, seen=sitting.revision, actor=council, now=NOW, today=TODAY)
            assert refused() == code
        facts = SittingFacts(TODAY, protocol_number="4", chair="П", secretary="С", present="П\nС")
        change_sitting(session, sitting.id, facts, seen=sitting.revision, actor=council, now=NOW, today=TODAY)
        with pytest.raises(DomainError) as undecided:
            close_sitting(session, sitting.id, actor=council, now=NOW)
        assert undecided.value.code == "items_undecided"
        withdraw_version(session, version.id, actor=world.leader_actor, now=NOW)
        assert refused() == "version_not_submitted"
        submit_version(session, version.id, actor=world.leader_actor, now=NOW, today=TODAY)
        decide(session, item, Decision.APPROVED, council)
        assert refused() == "item_decided"
        with pytest.raises(DomainError):
            remove_item(session, item.id, actor=council, now=NOW)
        close_sitting(session, sitting.id, actor=council, now=NOW)
        with pytest.raises(DomainError) as closed:
            change_sitting(session, sitting.id, facts, seen=sitting.revision, actor=council, now=NOW, today=TODAY)
        assert closed.value.code == "sitting_closed"
        for attempt in (
            f"UPDATE sitting SET chair = 'Другой' WHERE id = {sitting.id}",
            f"UPDATE agenda_item SET decided = 'иначе' WHERE id = {item.id}",
            f"DELETE FROM agenda_item WHERE id = {item.id}",
            f"DELETE FROM sitting WHERE id = {sitting.id}",
        ):
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(text(attempt))


def test_a_version_stands_on_one_agenda_and_a_number_on_one_protocol_of_a_year(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        other = call_sitting(session, SittingFacts(TODAY, "16:00"), actor=council, now=NOW)
        with pytest.raises(DomainError) as twice:
            add_version(session, other.id, version.id, actor=council, now=NOW)
        assert twice.value.code == "on_agenda_already"
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(AgendaItem(sitting_id=other.id, position=1, version_id=version.id))
        same = SittingFacts(TODAY, protocol_number="4")
        with pytest.raises(DomainError) as taken:
            change_sitting(session, other.id, same, seen=other.revision, actor=council, now=NOW, today=TODAY)
        assert taken.value.field == "protocol_number"
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE sitting SET protocol_number = '4' WHERE id = {other.id}"))
        with pytest.raises(DBAPIError), session.begin_nested():
            session.add(Sitting(held_on=date(TODAY.year, 1, 9), protocol_number="4", created_at=NOW))
        session.add(Sitting(held_on=date(TODAY.year - 1, 1, 9), protocol_number="4", created_at=NOW))
        session.flush()
        assert item.decision is None


def test_a_site_that_ended_today_submits_nothing_though_it_is_yesterday_in_greenwich(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        version = written(session, world)
        world.site.ended_on, world.site.ended_because = TODAY + timedelta(days=1), "8.1"
        night = NOW.replace(hour=18)  # 01:00 of the next day in Novokuznetsk
        with pytest.raises(DomainError) as refusal:
            submit_version(session, version.id, actor=world.leader_actor, now=night, today=TODAY + timedelta(days=1))
        assert (refusal.value.code, refusal.value.clause) == ("site_ended", "8.1")


def test_what_was_decided_goes_with_the_number_and_day_of_the_protocol(database: Database) -> None:
    with database.transaction() as session:
        version, item, council = before_council(session, World(session))
        decide(session, item, Decision.APPROVED, council)

        def put(facts: SittingFacts) -> None:
            sitting = item.sitting
            change_sitting(session, sitting.id, facts, seen=sitting.revision, actor=council, now=NOW, today=TODAY)

        put(SittingFacts(TODAY - timedelta(days=1), protocol_number="5"))
        assert (version.council_protocol, version.council_date) == ("5", TODAY - timedelta(days=1))
        for facts, field in (
            (SittingFacts(TODAY, protocol_number=" "), "protocol_number"),
            (SittingFacts(TODAY + timedelta(days=1), protocol_number="5"), "held_on"),
        ):
            with pytest.raises(DomainError) as refusal:
                put(facts)
            assert refusal.value.field == field


def test_what_a_sitting_returned_goes_to_another_sitting(database: Database) -> None:
    with database.transaction() as session:
        version, item, council = before_council(session, World(session))
        decide(session, item, Decision.RETURNED, council, "Уточнить цель")
        leader = replace(council, led_site_ids=frozenset({version.programme.site_id}), roles=frozenset({Role.LEADER}))
        submit_version(session, version.id, actor=leader, now=NOW, today=TODAY)
        with pytest.raises(DomainError) as refusal:
            add_version(session, item.sitting_id, version.id, actor=council, now=NOW)
        assert refusal.value.code == "decided_at_this_sitting"
        later = call_sitting(session, SittingFacts(TODAY + timedelta(days=7)), actor=council, now=NOW)
        assert add_version(session, later.id, version.id, actor=council, now=NOW).position == 1


def test_a_remark_is_its_authors_until_it_is_answered(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        version, _item, council = before_council(session, world)
        colleague = Actor(world.person().id, "Коллега", roles=frozenset({Role.COUNCIL}))
        remark = add_remark(
            session, version.id, section=Section.GOALS, topic_position=None, text="Цель?", actor=council, now=NOW
        )
        change_remark(session, remark.id, text="Какова цель?", actor=council, now=NOW)
        attempts: list[Callable[[], Remark]] = [
            lambda: change_remark(session, remark.id, text="х", actor=colleague, now=NOW),
            lambda: answer_remark(session, remark.id, answer="х", actor=other.leader_actor, now=NOW),
            lambda: answer_remark(session, remark.id, answer=" ", actor=world.leader_actor, now=NOW),
            lambda: add_remark(
                session, version.id, section=Section.TOPIC, topic_position=99, text="х", actor=council, now=NOW
            ),
            lambda: add_remark(
                session, world.version.id, section=Section.WHOLE, topic_position=None, text="х", actor=council, now=NOW
            ),
            lambda: settle_remark(session, 99999, is_settled=True, actor=council, now=NOW),
        ]
        for attempt in attempts:
            with pytest.raises(DomainError):
                attempt()
        answer_remark(session, remark.id, answer="Такова", actor=world.leader_actor, now=NOW)
        with pytest.raises(DomainError) as answered:
            change_remark(session, remark.id, text="х", actor=council, now=NOW)
        assert answered.value.code == "remark_answered"
        settle_remark(session, remark.id, is_settled=True, actor=colleague, now=NOW)
        settle_remark(session, remark.id, is_settled=True, actor=council, now=NOW)
        assert remark.resolved_by == "Коллега"
        settle_remark(session, remark.id, is_settled=False, actor=council, now=NOW)
        assert remark.resolved_at is None


def test_two_members_at_once_decide_once_and_a_leader_who_takes_back_is_first_or_second(database: Database) -> None:
    if database.is_sqlite:
        return  # one writer at a time
    with database.transaction() as session:
        world = World(session)
        version, item, council = before_council(session, world)
        leader, version_id, item_id = world.leader_actor, version.id, item.id
    ends: list[str] = []
    start = threading.Barrier(3)

    def act(what: Callable[[Session], object]) -> None:
        start.wait()
        try:
            with database.transaction() as own:
                what(own)
            ends.append("done")
        except DomainError as refusal:
            ends.append(refusal.code)

    threads = [
        threading.Thread(target=act, args=(what,))
        for what in (
            lambda own: decide_item(own, item_id, Decision.APPROVED, note="", actor=council, now=NOW, today=TODAY),
            lambda own: decide_item(own, item_id, Decision.REJECTED, note="н", actor=council, now=NOW, today=TODAY),
            lambda own: withdraw_version(own, version_id, actor=leader, now=NOW),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends.count("done") == 1
    assert set(ends) - {"done"} <= {"item_decided", "version_not_submitted"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("protocol_number", "7" * 61), ("chair", "я" * 201), ("place", "я" * 301), ("starts_at", "14:30:00")],
)
def test_what_a_sitting_cannot_hold_is_refused_at_its_field(database: Database, name: str, value: str) -> None:
    with database.transaction() as session:
        council = member(World(session))
        with pytest.raises(DomainError) as refusal:
            call_sitting(session, replace(SittingFacts(TODAY), **{name: value}), actor=council, now=NOW)
        assert refusal.value.field == name


def test_a_sitting_called_twice_for_one_day_time_and_place_is_refused_the_second_time(database: Database) -> None:
    with database.transaction() as session:
        council = member(World(session))

        def call(*facts: str) -> Sitting:
            return call_sitting(session, SittingFacts(TODAY, *facts), actor=council, now=NOW)

        call()
        call("15:00", "Конференц-зал")
        for same in ((), ("15:00", " Конференц-зал ")):
            with pytest.raises(DomainError) as refusal:
                call(*same)
            assert (refusal.value.code, refusal.value.field) == ("sitting_called_already", "held_on")
        call("16:00", "Конференц-зал")
        call("15:00", "Актовый зал")


def test_a_sitting_of_more_than_a_year_ago_is_a_slip(database: Database) -> None:
    with database.transaction() as session:
        council = member(World(session))
        call_sitting(session, SittingFacts(TODAY - timedelta(days=365)), actor=council, now=NOW)
        with pytest.raises(DomainError) as refusal:
            call_sitting(session, SittingFacts(TODAY.replace(year=TODAY.year - 10)), actor=council, now=NOW)
        assert (refusal.value.code, refusal.value.field) == ("sitting_long_ago", "held_on")


def test_a_title_longer_than_a_programme_holds_is_refused_at_its_field(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DomainError) as refusal:
            create_programme(
                session, site_id=world.site.id, title="я" * 501, hours=Decimal(8), actor=world.leader_actor, now=NOW
            )
        assert (refusal.value.code, refusal.value.field) == ("text_too_long", "title")
