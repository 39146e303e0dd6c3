"""The catalogue: what stands in it and how it is found; gone at once when its author or the leader says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.invariants import audit
from lti_app.core.permissions import Actor, Role
from lti_app.notices.models import Notice
from lti_app.products.browsing import browse, directions
from lti_app.products.catalogue import agree, publication_of, shown_publication, take_out
from lti_app.products.files import ATTACHMENT_RULES
from lti_app.products.invariants import CHECKS
from lti_app.products.models import Publication
from lti_app.products.reviewing import undo_acceptance
from lti_app.programmes.models import LessonKind, ProductKind
from tests.lti_app.products.made import Work, refused
from tests.lti_app.world import NOW, World
from tests.querycount import counted_queries

CENTRE = Actor(person_id=None, name="Центрова", roles=frozenset({Role.CENTRE}))


@pytest.fixture
def reader(session: Session, world: World) -> Actor:
    """A teacher of another school without any role."""
    person = world.person("Читателева")
    return Actor(person_id=person.id, name=person.full_name)


def shown(session: Session, reader: Actor, **asked: str) -> list[str]:
    return [row.title for row in browse(session, asked, None, actor=reader).items]


def test_what_is_accepted_stands_there_once_the_author_agrees(session: Session, work: Work, reader: Actor) -> None:
    work.saved("Карта урока «Дроби»").with_file().handed_in().accepted()
    assert shown(session, reader) == []
    work.agreed()
    (row,) = browse(session, {}, None, actor=reader).items
    assert (row.title, row.subject, row.author, row.direction, row.organisation) == (
        "Карта урока «Дроби»",
        "Математика",
        "Авторова Анна",
        "Современный урок",
        "Школа a",
    )
    work.agreed()  # twice changes nothing
    assert len(session.scalars(select(Publication)).all()) == 1
    version_id = publication_of(session, row.publication_id, actor=reader).version_id
    ATTACHMENT_RULES["product_version"](session, reader, version_id)

    agree(session, work.product_id, agrees=False, actor=work.author, now=NOW)
    assert shown(session, reader) == []
    refused(lambda: publication_of(session, row.publication_id, actor=reader), "no_such_publication", NotFound)
    with pytest.raises(NotFound):
        ATTACHMENT_RULES["product_version"](session, reader, version_id)
    work.agreed()
    assert shown(session, reader) == ["Карта урока «Дроби»"]
    assert list(audit(session, CHECKS)) == []


def test_consent_given_with_the_text_publishes_on_acceptance(session: Session, work: Work, reader: Actor) -> None:
    work.saved().agreed().handed_in()
    assert shown(session, reader) == []
    work.accepted()
    assert shown(session, reader) == ["Урок о дробях"]


def test_it_leaves_with_the_acceptance_and_comes_back_with_the_next_text(
    session: Session, work: Work, reader: Actor
) -> None:
    work.saved().agreed().handed_in().accepted()
    undo_acceptance(session, work.product_id, reason="не тот файл", actor=work.leader, now=NOW)
    assert shown(session, reader) == []
    work.now += timedelta(minutes=1)
    work.returned()
    work.now += timedelta(minutes=1)
    work.saved("Урок о дробях, исправленный").handed_in().accepted()
    (publication,) = session.scalars(select(Publication).where(Publication.ended_at.is_(None)))
    assert publication.version.number == 2
    assert shown(session, reader) == ["Урок о дробях, исправленный"]


def test_leader_and_centre_take_it_out_for_a_reason(session: Session, world: World, work: Work, reader: Actor) -> None:
    work.saved().agreed().handed_in().accepted()
    publication = shown_publication(session, work.product)
    assert publication is not None

    def out(actor: Actor, reason: str = "чужие материалы") -> None:
        take_out(session, publication.id, reason=reason, actor=actor, now=NOW)

    refused(lambda: out(reader), "not_permitted", Forbidden)
    other = World(session, "b", moodle=world.moodle)
    refused(lambda: out(other.leader_actor), "not_permitted", Forbidden)
    assert refused(lambda: out(CENTRE, " "), "reason_missing").field == "reason"
    assert refused(lambda: out(CENTRE, "я" * 501), "text_too_long").field == "reason"
    out(CENTRE)
    assert shown(session, reader) == []
    told = session.scalars(select(Notice).where(Notice.occasion == "product_taken_out")).one()
    assert (told.person_id, told.facts["words"]) == (work.trainee.person_id, "чужие материалы")
    assert "чужие материалы" in str(refused(work.agreed, "taken_out_of_catalogue").message)
    refused(lambda: out(work.leader), "no_such_publication", NotFound)
    assert list(audit(session, CHECKS)) == []


def test_only_the_author_agrees(session: Session, work: Work) -> None:
    work.saved().handed_in().accepted()
    for actor in (work.leader, CENTRE, replace(CENTRE, roles=frozenset({Role.ADMINISTRATOR}))):
        with pytest.raises(NotFound):
            agree(session, work.product_id, agrees=True, actor=actor, now=NOW)


def test_the_catalogue_is_for_who_is_known(session: Session) -> None:
    nobody = Actor(person_id=None, name="Гостева")
    refused(lambda: browse(session, {}, None, actor=nobody), "unknown_person", Forbidden)
    refused(lambda: publication_of(session, 1, actor=nobody), "unknown_person", Forbidden)
    assert browse(session, {}, None, actor=CENTRE).total == 0


def test_it_is_searched_by_words_direction_kind_and_subject(session: Session, world: World, reader: Actor) -> None:
    other = World(session, "b", moodle=world.moodle)
    other.site.direction = "Инклюзивное образование"
    other.organisation.name = "Лицей «Ёлочка»"
    session.flush()
    made = (
        (world, "Урок о ДРОБЯХ", "Математика", ProductKind.LESSON_DESIGN, LessonKind.INTEGRATED),
        (world, "Программа кружка", "Музыка", ProductKind.WORK_PROGRAMME, None),
        (other, "Карта занятия 100%", "Логопедия, 1 класс", ProductKind.TECHNOLOGICAL_MAP, None),
    )
    for number, (place, title, subject, kind, lesson_kind) in enumerate(made):
        work = Work(session, place, place.trainee(f"Авторова{number}"), now=NOW + timedelta(minutes=number))
        work.saved(title, subject=subject, kind=kind, lesson_kind=lesson_kind, note=f"примечание {number}")
        work.agreed().handed_in().accepted()
    lesson, programme, map_ = (title for _place, title, *_rest in made)

    assert shown(session, reader) == [map_, programme, lesson]
    assert shown(session, reader, q="дробях") == [lesson]
    assert shown(session, reader, q="УРОК  математика") == [lesson]
    assert shown(session, reader, q="урок музыка кружка") == [programme]  # the direction is «Современный урок»
    assert shown(session, reader, q="елочка") == [map_]
    assert shown(session, reader, q="авторова1") == [programme]
    assert shown(session, reader, q="примечание 2") == [map_]
    assert shown(session, reader, q="100%") == [map_]
    assert shown(session, reader, q="%") == [map_, programme, lesson]  # signs are folded away, as in what is stored
    assert shown(session, reader, q="нет такого") == []
    assert shown(session, reader, direction="Инклюзивное образование") == [map_]
    assert shown(session, reader, subject="логопед") == [map_]
    assert shown(session, reader, kind="lesson_design") == [lesson]
    assert shown(session, reader, kind="lesson_design:integrated") == [lesson]
    assert shown(session, reader, kind="lesson_design:in_class") == []
    assert shown(session, reader, kind="work_programme", q="урок") == [programme]
    assert shown(session, reader, kind="nonsense:x") == [map_, programme, lesson]
    assert list(directions(session)) == ["Инклюзивное образование", "Современный урок"]


def test_the_cost_of_a_page_does_not_follow_the_number_of_products(
    database: Database, session: Session, world: World, reader: Actor
) -> None:
    counts = []
    for number in range(60):
        work = Work(session, world, world.trainee(f"Авторова{number}"))
        work.saved(f"Урок {number}").agreed().handed_in().accepted()
        if number in (3, 59):
            session.commit()
            with database.session(writes=False) as fresh, counted_queries(database) as seen:
                page = browse(fresh, {"q": "урок"}, 2, actor=reader)
            counts.append(len(seen))
    assert counts == [3, 3]
    assert (page.total, page.number, len(page.items)) == (60, 2, 10)
