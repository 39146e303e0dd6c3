"""1.3: a site may be made at an organisation of any type; what an organisation and its heads must still be."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from lti_app.core.db import Database
from lti_app.core.errors import Conflict, DomainError, Forbidden
from lti_app.core.permissions import Role
from lti_app.people.keeping import OrganisationPage, keep_organisation, name_head
from lti_app.people.models import Organisation, OrganisationHead
from lti_app.sites.applications import accept_application
from lti_app.sites.models import Site
from lti_app.sites.orders import grant_status
from lti_app.sites.states import sites_on
from tests.lti_app.world import NOW, World
from tests.regulation.test_clause_3_4_1_sites import TODAY, actor, order, put_in

TYPES = (
    "общеобразовательная школа",
    "лицей",
    "детский сад",
    "учреждение дополнительного образования",
    "колледж",
    "коррекционная школа-интернат",
    "вид, которого ещё нет ни в одном перечне",
    None,
)


def texts(**other: str) -> OrganisationPage:
    return OrganisationPage({"code": "new", "name": "Новая организация", **other})


@pytest.mark.parametrize("kind", TYPES)
def test_a_site_is_made_at_an_organisation_of_any_type(database: Database, kind: str | None) -> None:
    with database.transaction() as session:
        world = World(session)
        author, centre = world.person(), actor(world.person("Центрова"), Role.CENTRE)
        host = keep_organisation(session, None, texts(type=kind or ""), seen=None, actor=centre, now=NOW)
        author.organisation = world.leader.organisation = host
        session.flush()
        application = put_in(session, world, author, host_id=host.id)
        accept_application(session, application.id, actor=centre, now=NOW)
        site = grant_status(session, application.id, order(world), actor=centre, now=NOW, today=TODAY)

        assert (site.organisation_id, site.organisation.type) == (host.id, kind)
        assert site.id in [one.site.id for one in sites_on(session, TODAY)]


@pytest.mark.parametrize("kind", TYPES)
def test_the_database_knows_no_list_of_types_either(database: Database, kind: str | None) -> None:
    with database.transaction() as session:
        session.execute(
            text("INSERT INTO organisation (code, name, type, licensed) VALUES ('x', 'x', :kind, :no)"),
            {"kind": kind, "no": False},
        )
        assert session.scalars(select(Organisation.type)).one() == kind


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.CENTRE}))
def test_only_the_centre_keeps_organisations_and_names_heads(database: Database, role: Role) -> None:
    with database.transaction() as session:
        world = World(session)
        somebody = actor(world.leader, role)
        with pytest.raises(Forbidden):
            keep_organisation(session, None, texts(), seen=None, actor=somebody, now=NOW)
        with pytest.raises(Forbidden):
            keep_organisation(session, world.organisation, texts(), seen=1, actor=somebody, now=NOW)
        with pytest.raises(Forbidden):
            name_head(session, world.organisation.id, person_id=world.leader.id, since=TODAY, actor=somebody, now=NOW)


def test_a_code_is_one_organisations(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        centre = actor(world.person(), Role.CENTRE)
        with pytest.raises(Conflict) as refusal:
            keep_organisation(session, None, texts(code="org-a"), seen=None, actor=centre, now=NOW)
        assert refusal.value.field == "code"
        other = keep_organisation(session, None, texts(), seen=None, actor=centre, now=NOW)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE organisation SET code = 'org-a' WHERE id = {other.id}"))


@pytest.mark.parametrize("column", ["code", "name"])
def test_an_organisation_has_a_code_and_a_name(database: Database, column: str) -> None:
    with database.transaction() as session:
        world = World(session)
        centre = actor(world.person(), Role.CENTRE)
        with pytest.raises(DomainError) as refusal:
            keep_organisation(session, None, texts(**{column: " "}), seen=None, actor=centre, now=NOW)
        assert refusal.value.field == column
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE organisation SET {column} = NULL WHERE id = {world.organisation.id}"))


@pytest.mark.parametrize("host", ["NULL", "999999"])
def test_there_is_no_site_without_an_organisation(database: Database, host: str) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"UPDATE site SET organisation_id = {host} WHERE id = {world.site.id}"))
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(
                text(f"INSERT INTO site (code, organisation_id, direction) VALUES ('x', {host}, 'Современный урок')")
            )
        assert session.scalar(select(func.count()).select_from(Site)) == 1


def test_the_host_of_a_site_is_not_deleted(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text(f"DELETE FROM organisation WHERE id = {world.organisation.id}"))


def test_an_organisation_has_one_head_at_a_time(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        centre, heir = actor(world.person(), Role.CENTRE), world.person("Преемникова")
        for person, since in ((world.leader, date(2026, 1, 1)), (heir, date(2026, 9, 1))):
            name_head(session, world.organisation.id, person_id=person.id, since=since, actor=centre, now=NOW)
        for since in (date(2026, 9, 1), date(2026, 5, 1)):
            with pytest.raises(DomainError) as refusal:
                name_head(session, world.organisation.id, person_id=world.leader.id, since=since, actor=centre, now=NOW)
            assert (refusal.value.code, refusal.value.field) == ("heads_since_later", "since")
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("UPDATE organisation_head SET until = NULL"))
        heads = session.scalars(select(OrganisationHead).order_by(OrganisationHead.since)).all()
        assert [(one.person_id, one.until) for one in heads] == [
            (world.leader.id, date(2026, 8, 31)),
            (heir.id, None),
        ]


def test_a_headship_does_not_end_before_it_begins(database: Database) -> None:
    with database.transaction() as session:
        world = World(session)
        with pytest.raises(DBAPIError), session.begin_nested():
            session.add(
                OrganisationHead(
                    organisation_id=world.organisation.id,
                    person_id=world.leader.id,
                    since=TODAY,
                    until=TODAY - timedelta(days=1),
                )
            )
            session.flush()
