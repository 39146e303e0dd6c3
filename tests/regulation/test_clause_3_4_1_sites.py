"""3.1-3.4 and 4.1: who applies, with what; the order and its three years; who may lead; the list at any date."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor, Role
from lti_app.notices.models import Notice
from lti_app.people.models import Category, Organisation, OrganisationHead, Person
from lti_app.sites.applications import (
    ApplicationFacts,
    accept_application,
    application_of,
    begin_application,
    change_application,
    is_leading_position,
    return_application,
    submit_application,
    withdraw_application,
)
from lti_app.sites.equipment import EquipmentLine, save_equipment
from lti_app.sites.models import ApplicationState, OrderKind, Site, SiteApplication, SiteLeader, SiteOrder
from lti_app.sites.orders import OrderFacts, grant_status, renew_status
from lti_app.sites.reminders import remind
from lti_app.sites.service import longest_term_end
from lti_app.sites.states import SiteState, sites_on, state_on
from lti_app.sites.tables import list_workbook
from tests.lti_app.world import NOW, World

ZONE = ZoneInfo("Asia/Novokuznetsk")
TODAY = NOW.astimezone(ZONE).date()


def actor(person: Person, *roles: Role) -> Actor:
    return Actor(person_id=person.id, name=person.full_name, roles=frozenset(roles))


def facts(world: World, **other: Any) -> ApplicationFacts:
    given: dict[str, Any] = {
        "host_id": world.organisation.id,
        "direction": "Инклюзивное образование",
        "topic": "Тьюторское сопровождение",
        "experience": "Пилотная площадка 2024 года",
        "equipment": None,
        "achievements": "Победитель конкурса",
        "leader_id": world.leader.id,
    }
    return ApplicationFacts(**{**given, **other})


def put_in(session: Session, world: World, applicant: Person, **other: Any) -> SiteApplication:
    made = begin_application(session, facts(world, **other), applicant_id=None, actor=actor(applicant), now=NOW)
    return submit_application(session, made.id, actor=actor(applicant), now=NOW, today=TODAY)


def order(world: World, **other: Any) -> OrderFacts:
    given: dict[str, Any] = {
        "number": "77",
        "signed_on": TODAY,
        "valid_from": TODAY,
        "valid_until": longest_term_end(TODAY),
        "leader_id": world.leader.id,
    }
    return OrderFacts(**{**given, **other})


def test_from_a_draft_to_a_site_in_force(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        author, centre = world.person(), actor(world.person("Центрова"), Role.CENTRE)
        session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=world.leader.id, since=TODAY))
        application = put_in(session, world, author)
        returned = return_application(session, application.id, remarks="Добавьте итоги", actor=centre, now=NOW)
        assert (returned.state, returned.remarks) == (ApplicationState.RETURNED, "Добавьте итоги")
        change_application(
            session,
            application.id,
            facts(world, experience="Итоги"),
            seen=application.revision,
            actor=actor(author),
            now=NOW,
        )
        submit_application(session, application.id, actor=actor(author), now=NOW, today=TODAY)
        accept_application(session, application.id, actor=centre, now=NOW)
        site = grant_status(session, application.id, order(world), actor=centre, now=NOW, today=TODAY)

        assert (application.state, application.site_id) == (ApplicationState.ORDERED, site.id)
        assert site.code == f"П-{TODAY.year}-01"
        assert (site.active_on(TODAY), site.leaders[0].person_id) == (True, world.leader.id)
        assert (site.orders[0].kind, site.orders[0].application_id) == (OrderKind.GRANT, application.id)
        occasions = set(session.execute(select(Notice.occasion, Notice.person_id)).tuples())
        assert {
            ("application_returned", author.id),
            ("application_returned", world.leader.id),
            ("application_accepted", author.id),
            ("site_ordered", author.id),
            ("named_leader", world.leader.id),
        } <= occasions


def test_any_type_of_organisation_applies_for_itself_and_an_authority_for_any(database: Database) -> None:
    """1.3, 3.2."""
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        for kind in ("школа", "детский сад", "учреждение дополнительного образования", "колледж", None):
            world.organisation.type = kind
            begin_application(session, facts(world), applicant_id=None, actor=actor(world.person()), now=NOW)
        stranger = actor(other.person())
        with pytest.raises(DomainError) as refusal:
            begin_application(session, facts(world), applicant_id=None, actor=stranger, now=NOW)
        assert (refusal.value.code, refusal.value.clause) == ("not_own_host", "3.2")
        other.organisation.is_authority = True
        begin_application(session, facts(world), applicant_id=None, actor=stranger, now=NOW)
        homeless = world.person()
        homeless.organisation = None
        session.flush()
        with pytest.raises(DomainError) as unknown:
            begin_application(session, facts(world), applicant_id=None, actor=actor(homeless), now=NOW)
        assert unknown.value.code == "no_organisation"


@pytest.mark.parametrize(
    ("change", "field", "clause"),
    [
        ({"experience": " "}, "experience", "3.1"),
        ({"direction": None}, "direction", "3.2"),
        ({"leader_id": None}, "leader", "4.1"),
        ({"achievements": None}, "achievements", "4.1"),
    ],
)
def test_a_draft_may_have_gaps_and_an_application_may_not(
    database: Database, change: dict[str, Any], field: str, clause: str
) -> None:
    with database.transaction() as session:
        world = World(session)
        author = actor(world.person())
        draft = begin_application(session, facts(world, **change), applicant_id=None, actor=author, now=NOW)
        with pytest.raises(DomainError) as refusal:
            submit_application(session, draft.id, actor=author, now=NOW, today=TODAY)
        assert (refusal.value.field, refusal.value.clause) == (field, clause)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE site_application SET state = 'submitted' WHERE id = {draft.id}"))


@pytest.mark.parametrize("years", [0, 4])
def test_a_proposed_term_is_one_to_three_years(database: Database, years: int) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DomainError) as refusal:
            begin_application(
                session, facts(world, term_years=years), applicant_id=None, actor=actor(world.person()), now=NOW
            )
        assert refusal.value.clause == "3.3"


def test_a_leader_needs_a_category_on_the_day_of_submission_and_again_on_the_orders(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        author, centre = world.person(), actor(world.person(), Role.CENTRE)
        world.leader.category_until = TODAY - timedelta(days=1)
        with pytest.raises(DomainError) as submitted:
            put_in(session, world, author)
        assert (submitted.value.code, submitted.value.clause) == ("leader_without_category", "4.1")
        world.leader.category_until = TODAY
        application = put_in(session, world, author, direction="Другое")
        accept_application(session, application.id, actor=centre, now=NOW)
        tomorrow = order(world, signed_on=TODAY + timedelta(days=1))
        with pytest.raises(DomainError) as ordered:
            grant_status(session, application.id, tomorrow, actor=centre, now=NOW, today=TODAY + timedelta(days=1))
        assert (ordered.value.code, ordered.value.field) == ("leader_without_category", "leader")
        assert application.state is ApplicationState.ACCEPTED
        world.leader.category, world.leader.category_until = None, None
        with pytest.raises(DomainError):
            grant_status(session, application.id, order(world), actor=centre, now=NOW, today=TODAY)
        world.leader.category = Category.FIRST
        assert grant_status(session, application.id, order(world), actor=centre, now=NOW, today=TODAY).id


def test_positions_of_4_1_are_told_from_others_in_whatever_words() -> None:
    assert all(
        map(
            is_leading_position,
            (
                "директор",
                "Заведующая",
                "учитель-логопед",
                "педагог дополнительного образования",
                "педагог-психолог",
                "старший воспитатель",
                "заместитель руководителя",
            ),
        )
    )
    assert not any(map(is_leading_position, ("бухгалтер", "секретарь", "", None)))


def test_the_term_is_three_years_and_not_a_day_more(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        centre = actor(world.person(), Role.CENTRE)
        for begins in (TODAY, date(2024, 2, 29)):
            last = longest_term_end(begins)
            too_long = order(world, number="1", valid_from=begins, valid_until=last + timedelta(days=1))
            with pytest.raises(DomainError) as refusal:
                renew_status(session, world.site.id, too_long, actor=centre, now=NOW, today=TODAY)
            assert (refusal.value.code, refusal.value.clause) == ("term_too_long", "3.3")
        with pytest.raises(DomainError) as backward:
            renew_status(
                session,
                world.site.id,
                order(world, valid_until=TODAY - timedelta(days=1)),
                actor=centre,
                now=NOW,
                today=TODAY,
            )
        assert backward.value.code == "term_backward"
        with pytest.raises(DBAPIError), session.begin_nested():
            session.add(
                SiteOrder(
                    site_id=world.site.id,
                    number="2",
                    signed_on=TODAY,
                    valid_from=TODAY,
                    valid_until=longest_term_end(TODAY) + timedelta(days=1),
                )
            )
            session.flush()


def test_a_renewal_is_a_further_order_and_the_leaders_are_remembered(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        centre = actor(world.person(), Role.CENTRE)
        heir = world.person("Преемникова")
        heir.category = Category.HIGHEST
        session.flush()
        renew_status(session, world.site.id, order(world, leader_id=heir.id), actor=centre, now=NOW, today=TODAY)

        assert [one.kind for one in world.site.orders] == [OrderKind.GRANT, OrderKind.RENEWAL]
        assert [(one.person_id, one.until) for one in world.site.leaders] == [
            (world.leader.id, TODAY - timedelta(days=1)),
            (heir.id, None),
        ]
        for again, code in (
            (order(world, leader_id=heir.id), "order_is_there"),
            (order(world, number="78"), "leads_since_later"),
        ):
            with pytest.raises(DomainError) as refusal:
                renew_status(session, world.site.id, again, actor=centre, now=NOW, today=TODAY)
            assert refusal.value.code == code
        with pytest.raises(DBAPIError), session.begin_nested():
            session.add(SiteLeader(site_id=world.site.id, person_id=world.leader.id, since=TODAY, until=None))
            session.flush()
        world.site.ended_on, world.site.ended_because = TODAY, "8.1"
        with pytest.raises(DomainError) as ended:
            renew_status(session, world.site.id, order(world, number="79"), actor=centre, now=NOW, today=TODAY)
        assert (ended.value.code, ended.value.clause) == ("site_ended", "8.1")


def test_each_step_is_for_who_may_and_in_its_order(database: Database) -> None:
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        author, centre = world.person(), actor(world.person(), Role.CENTRE)
        application = put_in(session, world, author)
        for role in set(Role) - {Role.CENTRE}:
            for step in (accept_application, lambda *a, **k: return_application(*a, remarks="х", **k)):
                with pytest.raises(DomainError):
                    step(session, application.id, actor=actor(author, role), now=NOW)
        for stranger in (actor(other.person()), actor(world.person())):
            with pytest.raises(DomainError) as hidden:
                application_of(session, application.id, actor=stranger)
            assert hidden.value.status == 404
        with pytest.raises(DomainError) as early:
            grant_status(session, application.id, order(world), actor=centre, now=NOW, today=TODAY)
        assert early.value.code == "application_not_accepted"
        with pytest.raises(DomainError):
            return_application(session, application.id, remarks=" ", actor=centre, now=NOW)
        with pytest.raises(DomainError):
            change_application(
                session, application.id, facts(world), seen=application.revision, actor=actor(author), now=NOW
            )
        with pytest.raises(DomainError) as twin:
            put_in(session, world, author)
        assert twin.value.code == "application_under_way"
        withdraw_application(session, application.id, actor=actor(author), now=NOW)
        assert application.state is ApplicationState.WITHDRAWN


def test_a_draft_of_others_is_closed_to_the_centre_until_it_is_put_in(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        author, centre = world.person(), actor(world.person("Центрова"), Role.CENTRE)
        draft = begin_application(session, facts(world), applicant_id=None, actor=actor(author), now=NOW)
        with pytest.raises(DomainError) as refusal:
            application_of(session, draft.id, actor=centre)
        assert refusal.value.code == "no_such_application"
        submit_application(session, draft.id, actor=actor(author), now=NOW, today=TODAY)
        assert application_of(session, draft.id, actor=centre) is draft


def test_two_writers_of_an_application_see_both_texts(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        author = actor(world.person())
        draft = begin_application(session, facts(world), applicant_id=None, actor=author, now=NOW)
        seen = draft.revision
        change_application(session, draft.id, facts(world, topic="Первая"), seen=seen, actor=author, now=NOW)
        with pytest.raises(EditedMeanwhile) as meanwhile:
            change_application(session, draft.id, facts(world, topic="Вторая"), seen=seen, actor=author, now=NOW)
        assert [(one.theirs, one.yours) for one in meanwhile.value.differences] == [("Первая", "Вторая")]


def test_two_specialists_at_once_give_one_order_and_codes_are_not_given_twice(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        author, centre = world.person(), actor(world.person(), Role.CENTRE)
        ids = [put_in(session, world, author, direction=f"Направление {number}").id for number in range(2)]
        for number in ids:
            accept_application(session, number, actor=centre, now=NOW)
        what = order(world)
    ends: list[str] = []

    def act(number: int) -> None:
        try:
            with database.transaction() as own:
                ends.append(grant_status(own, number, what, actor=centre, now=NOW, today=TODAY).code)
        except DomainError as refusal:
            ends.append(refusal.code)

    for wave in ([ids[0], ids[0]], [ids[1]]):
        threads = [threading.Thread(target=act, args=(number,)) for number in wave]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(ends) == ["application_not_accepted", f"П-{TODAY.year}-01", f"П-{TODAY.year}-02"]


def test_the_list_is_right_at_any_date_and_prints(database: Database) -> None:
    """3.4."""
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        other.organisation.name = "=Школа"
        heir = world.person("Преемникова")
        world.leading.until = TODAY - timedelta(days=10)
        session.flush()
        session.add(SiteLeader(site_id=world.site.id, person_id=heir.id, since=TODAY - timedelta(days=9), until=None))
        other.site.ended_on, other.site.ended_because = TODAY, "8.1"
        session.flush()
        session.expire_all()

        def listed(day: date) -> list[tuple[str, int | None]]:
            return [(row.site.code, row.leader.id if row.leader else None) for row in sites_on(session, day)]

        assert listed(TODAY) == [("site-a", heir.id)]
        assert listed(TODAY - timedelta(days=1)) == [("site-b", other.leader.id), ("site-a", heir.id)]
        assert listed(TODAY - timedelta(days=20))[1] == ("site-a", world.leader.id)
        assert listed(world.order.valid_from - timedelta(days=1)) == []
        assert listed(world.order.valid_until) == [("site-a", heir.id)]
        rows = sites_on(session, TODAY - timedelta(days=1))
        sheet = load_workbook(BytesIO(list_workbook(rows, TODAY))).active
        assert sheet is not None
        assert [sheet["A3"].value, sheet["B3"].value, sheet["B3"].data_type] == [1, "=Школа", "s"]
        assert sheet.print_title_rows == "$2:$2"


def test_states_turn_on_their_days(database: Database) -> None:
    with database.transaction() as session:
        site, last = World(session).site, None
        last = site.orders[0].valid_until
        first = site.orders[0].valid_from
        assert [
            state_on(site, day)
            for day in (
                first - timedelta(days=1),
                first,
                last - timedelta(days=90),
                last - timedelta(days=89),
                last,
                last + timedelta(days=1),
            )
        ] == [
            SiteState.TO_COME,
            SiteState.ACTIVE,
            SiteState.ACTIVE,
            SiteState.EXPIRING,
            SiteState.EXPIRING,
            SiteState.EXPIRED,
        ]


def test_reminders_come_90_30_and_7_days_before_once_each_also_after_days_off(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        last = world.order.valid_until

        def on(days_before: int) -> int:
            moment = NOW + (last - timedelta(days=days_before) - TODAY)
            return remind(session, moment, ZONE)

        assert [on(days) for days in (91, 90, 89, 31, 30, 30)] == [0, 1, 0, 0, 1, 0]
        assert on(5) == 1  # the day itself was missed
        assert (on(0), on(-1)) == (0, 0)
        assert sorted(session.scalars(select(Notice.turn))) == ["30", "7", "90"]
        renewed = replace(order(world), valid_until=longest_term_end(TODAY))
        centre = actor(world.person(), Role.CENTRE)
        renew_status(session, world.site.id, renewed, actor=centre, now=NOW, today=TODAY)
        assert on(3) == 0


def test_an_order_that_only_names_another_leader_doubles_no_reminder(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        heir, centre = world.person("Преемникова"), actor(world.person(), Role.CENTRE)
        heir.category = Category.HIGHEST
        last = world.order.valid_until
        change = order(world, leader_id=heir.id, valid_until=last)
        renew_status(session, world.site.id, change, actor=centre, now=NOW, today=TODAY)

        assert remind(session, NOW + (last - timedelta(days=30) - TODAY), ZONE) == 1
        assert remind(session, NOW + (last - timedelta(days=29) - TODAY), ZONE) == 0


def test_leader_and_head_are_told_of_each_renewal_also_when_its_number_comes_again(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        head, centre = world.person("Главнова"), actor(world.person(), Role.CENTRE)
        session.add(OrganisationHead(organisation_id=world.organisation.id, person_id=head.id, since=TODAY))
        for signed_on in (TODAY - timedelta(days=365), TODAY):
            again = order(world, signed_on=signed_on)
            renew_status(session, world.site.id, again, actor=centre, now=NOW, today=TODAY)

        told = sorted(session.execute(select(Notice.occasion, Notice.person_id)).all())
        assert told == [("named_leader", world.leader.id)] * 2 + [("site_ordered", head.id)] * 2


def test_equipment_is_the_leaders_to_keep(database: Database) -> None:
    """4.2."""
    with database.transaction() as session:
        world, other = World(session), World(session, "b")
        lines = [EquipmentLine("Интерактивная панель", 2, "каб. 12"), EquipmentLine("Ноутбук", 15)]
        seen = world.site.revision
        save_equipment(session, world.site.id, lines, seen=seen, actor=world.leader_actor, now=NOW)
        assert [(one.position, one.name, one.quantity) for one in world.site.equipment] == [
            (1, "Интерактивная панель", 2),
            (2, "Ноутбук", 15),
        ]
        with pytest.raises(EditedMeanwhile):
            save_equipment(session, world.site.id, lines[:1], seen=seen, actor=world.leader_actor, now=NOW)
        for wrong in ([EquipmentLine("", 1)], [EquipmentLine("Стул", 0)]):
            with pytest.raises(DomainError):
                save_equipment(
                    session, world.site.id, wrong, seen=world.site.revision, actor=world.leader_actor, now=NOW
                )
        with pytest.raises(DomainError):
            save_equipment(session, world.site.id, lines, seen=world.site.revision, actor=other.leader_actor, now=NOW)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE site_equipment SET quantity = 0 WHERE site_id = {world.site.id}"))
        assert session.scalar(select(func.count()).select_from(Site)) == 2
        assert session.scalar(select(func.count()).select_from(Organisation)) == 2


@pytest.mark.parametrize(("name", "longest"), [("number", 60), ("signatory", 200), ("control", 200)])
def test_a_text_longer_than_an_order_holds_is_refused_at_its_field(database: Database, name: str, longest: int) -> None:
    with database.transaction() as session:
        world = World(session)
        centre = actor(world.person(), Role.CENTRE)
        with pytest.raises(DomainError) as refusal:
            too_long = order(world, **{name: "я" * (longest + 1)})
            renew_status(session, world.site.id, too_long, actor=centre, now=NOW, today=TODAY)
        assert (refusal.value.code, refusal.value.field) == ("text_too_long", name)


@pytest.mark.parametrize(("name", "longest"), [("direction", 300), ("topic", 500)])
def test_a_text_longer_than_an_application_holds_is_refused_at_its_field(
    database: Database, name: str, longest: int
) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DomainError) as refusal:
            put_in(session, world, world.person(), **{name: "я" * (longest + 1)})
        assert (refusal.value.code, refusal.value.field) == ("text_too_long", name)
