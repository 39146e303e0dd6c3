"""A product from its first word to acceptance: who may what when, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.attachments import Attachment, attachments_of
from lti_app.core.audit import AuditEntry
from lti_app.core.editing import EditedMeanwhile
from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Role
from lti_app.intakes.models import TraineeState
from lti_app.notices.models import Notice
from lti_app.products.files import ATTACHMENT_RULES, carry_over, detach
from lti_app.products.handing import MOST_LINKS, ProductText, begin_product, hand_in, save_product, take_back
from lti_app.products.models import Mark, Product, ProductState, ProductVersion
from lti_app.products.overview import product_cards
from lti_app.products.reviewing import MarkRow, accept_product, return_product, undo_acceptance
from lti_app.products.texts import handed_in, holding_review, open_version
from lti_app.programmes.models import LessonKind, ProductKind
from tests.lti_app.products.made import ALL_MET, LINK, Work, demand, refused
from tests.lti_app.world import NOW, World


def notices(session: Session) -> list[tuple[str, int]]:
    return [(row.occasion, row.person_id) for row in session.scalars(select(Notice).order_by(Notice.id))]


def test_a_product_is_handed_in_returned_mended_and_accepted(session: Session, world: World, work: Work) -> None:
    work.saved().with_file().handed_in()
    assert work.product.state is ProductState.SUBMITTED
    work.now += timedelta(hours=1)
    work.returned("Уточните цель урока")
    first, second = work.product.versions
    assert (second.number, second.submitted_at, second.links) == (2, None, [LINK])
    review = holding_review(first)
    assert review is not None
    assert (review.remarks, [row["mark"] for row in review.marks]) == ("Уточните цель урока", [None, None])
    work.now += timedelta(hours=1)
    work.saved(links=("https://example.org/2",)).handed_in().accepted()

    assert work.product.state is ProductState.ACCEPTED
    assert open_version(work.product) is None
    assert first.links == [LINK]  # what was handed in stays as it was
    last = holding_review(handed_in(work.product))
    assert last is not None
    assert [(row["mark"], row["note"]) for row in last.marks] == [("met", ""), ("partly", "этап рефлексии краток")]
    author, leader = work.trainee.person_id, world.leader.id
    assert notices(session) == [
        ("product_submitted", leader),
        ("product_returned", author),
        ("product_submitted", leader),
        ("product_accepted", author),
    ]
    actions = session.scalars(
        select(AuditEntry.action).where(AuditEntry.object_type == "product").order_by(AuditEntry.id)
    ).all()
    assert actions == [
        "begin_product",
        "change_product",
        "submit_product",
        "return_product",
        "submit_product",
        "accept_product",
    ]


def test_beginning_on_a_demand_twice_goes_on_with_the_first(session: Session, world: World, work: Work) -> None:
    assert Work(session, world, work.trainee, work.demand_id).product_id == work.product_id
    assert Work(session, world, work.trainee).product_id != work.product_id


def test_what_a_demand_asks_for_stands(session: Session, world: World, work: Work) -> None:
    work.saved(kind=ProductKind.OPEN_LESSON)
    assert work.product.kind is ProductKind.TECHNOLOGICAL_MAP
    lesson = demand(world, 2, title="Урок", kind=ProductKind.LESSON_DESIGN)
    other = Work(session, world, work.trainee, lesson.id)
    other.saved(lesson_kind=None)
    assert refused(other.handed_in, "lesson_kind_missing").field == "kind"
    other.saved(lesson_kind=LessonKind.INTEGRATED).handed_in()
    assert other.product.lesson_kind is LessonKind.INTEGRATED


@pytest.mark.parametrize(
    ("links", "code"),
    [
        (("javascript:alert(1)",), "bad_link"),
        (("ftp://example.org",), "bad_link"),
        (("https://",), "bad_link"),
        (("https://[::1",), "bad_link"),
        (("https://example.org/a b",), "bad_link"),
        (tuple(f"https://example.org/{number}" for number in range(MOST_LINKS + 1)), "too_many_links"),
    ],
)
def test_links_lead_to_the_internet(work: Work, links: tuple[str, ...], code: str) -> None:
    assert refused(lambda: work.saved(links=links), code).field == "links"


def test_what_is_typed_is_checked(session: Session, work: Work) -> None:
    assert refused(lambda: work.saved("  "), "title_missing").field == "title"
    assert refused(lambda: work.saved("я" * 301), "text_too_long").field == "title"
    assert refused(lambda: work.saved(subject="я" * 201), "text_too_long").field == "subject"
    assert refused(lambda: work.saved(note="я" * 5001), "text_too_long").field == "note"
    work.saved(links=())
    assert refused(work.handed_in, "nothing_to_hand_in").field == "file"


def test_two_windows_do_not_overwrite_each_other(work: Work) -> None:
    seen = work.product.revision
    work.saved(note="первое")
    with pytest.raises(EditedMeanwhile) as caught:
        work.saved("Другой урок", note="второе", seen=seen)
    assert [(one.theirs, one.yours) for one in caught.value.differences] == [
        ("Урок о дробях", "Другой урок"),
        ("первое", "второе"),
    ]


def test_nothing_changes_while_it_waits_but_its_withdrawal(session: Session, work: Work) -> None:
    work.saved().with_file().handed_in()
    version = handed_in(work.product)
    assert version is not None
    (file,) = attachments_of(session, version)
    refused(work.saved, "product_submitted")
    refused(work.with_file, "product_submitted")
    refused(work.handed_in, "product_submitted")
    refused(lambda: detach(session, work.product_id, file.id, actor=work.author, now=NOW), "product_submitted")
    take_back(session, work.product_id, actor=work.author, now=NOW)
    assert work.product.state is ProductState.WITHDRAWN
    assert open_version(work.product) is version
    refused(lambda: take_back(session, work.product_id, actor=work.author, now=NOW), "product_not_submitted")
    detach(session, work.product_id, file.id, actor=work.author, now=NOW)
    work.now += timedelta(minutes=1)
    work.handed_in().accepted()
    refused(work.saved, "product_accepted")
    refused(lambda: take_back(session, work.product_id, actor=work.author, now=NOW), "product_not_submitted")


def test_what_was_taken_back_is_due_again(session: Session, world: World) -> None:
    trainee, asked = world.trainee(), demand(world)
    work = Work(session, world, trainee, asked.id).saved().handed_in()
    assert [card.is_due for card in product_cards(session, trainee.id)] == [False]
    take_back(session, work.product_id, actor=work.author, now=NOW)
    assert [card.is_due for card in product_cards(session, trainee.id)] == [True]


def test_an_answer_is_given_to_what_was_looked_at(session: Session, work: Work) -> None:
    work.saved().handed_in()
    seen = work.product.revision
    take_back(session, work.product_id, actor=work.author, now=NOW)
    work.now += timedelta(minutes=1)
    work.saved(links=("https://example.org/other",)).handed_in()

    def accept() -> None:
        accept_product(session, work.product_id, seen=seen, remarks="", marks=ALL_MET, actor=work.leader, now=NOW)

    refused(accept, "product_not_waiting")
    work.accepted()
    refused(work.accepted, "product_not_waiting")


def test_acceptance_asks_for_each_criterion(session: Session, work: Work) -> None:
    work.saved().handed_in()

    def accept(**marks: Any) -> None:
        accept_product(
            session,
            work.product_id,
            seen=work.product.revision,
            remarks=marks.get("remarks", ""),
            marks=marks["rows"],
            actor=work.leader,
            now=NOW,
        )

    assert refused(lambda: accept(rows={0: MarkRow(Mark.MET)}), "criterion_without_mark").field == "mark_1"
    unmet = {0: MarkRow(Mark.NOT_MET), 1: MarkRow(Mark.MET)}
    assert refused(lambda: accept(rows=unmet), "criterion_not_met").field == "mark_0"
    long = {0: MarkRow(Mark.MET, "я" * 501), 1: MarkRow(Mark.MET)}
    assert refused(lambda: accept(rows=long), "text_too_long").field == "note_0"
    assert refused(lambda: accept(rows=ALL_MET, remarks="я" * 5001), "text_too_long").field == "remarks"
    assert refused(lambda: work.returned("  "), "remarks_missing").field == "remarks"


def test_nobody_decides_on_their_own_nor_on_another_sites(session: Session, world: World, work: Work) -> None:
    work.saved().handed_in()
    other = World(session, "b", moodle=world.moodle)
    seen = work.product.revision

    def decide(actor: Actor) -> None:
        return_product(session, work.product_id, seen=seen, remarks="нет", marks={}, actor=actor, now=NOW)

    refused(lambda: decide(other.leader_actor), "no_such_product", NotFound)
    refused(lambda: decide(work.author), "not_permitted", Forbidden)
    both = replace(
        work.author, roles=frozenset({Role.LEADER, Role.TRAINEE}), led_site_ids=world.leader_actor.led_site_ids
    )
    refused(lambda: decide(both), "own_product", Forbidden)
    stranger = world.actor_of(world.trainee("Соседкина"))
    refused(lambda: hand_in(session, work.product_id, actor=stranger, now=NOW), "no_such_product", NotFound)


def test_products_need_a_place_in_an_intake_under_way(session: Session, world: World, work: Work) -> None:
    def begin(actor: Actor, demand_id: int | None = None, title: str = "Урок") -> Product:
        return begin_product(session, intake_id=world.intake.id, demand_id=demand_id, title=title, actor=actor, now=NOW)

    other = World(session, "b", moodle=world.moodle)
    refused(lambda: begin(other.actor_of(other.trainee())), "not_your_intake", Forbidden)
    refused(lambda: begin(work.author, demand(other).id), "no_such_demand", NotFound)
    assert refused(lambda: begin(work.author, title=" "), "title_missing").field == "title"
    world.intake.published_at = None
    session.flush()
    refused(lambda: begin(work.author), "intake_not_published")
    world.intake.published_at, world.intake.broken_off_on = NOW, NOW.date()
    session.flush()
    refused(work.saved, "intake_broken_off")
    world.intake.broken_off_on = None
    work.trainee.state, work.trainee.left_at = TraineeState.LEFT, NOW
    session.flush()
    refused(work.saved, "not_your_intake", Forbidden)


def test_a_trainee_has_a_bounded_number_of_products(
    session: Session, world: World, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_app.products.handing.MOST_PRODUCTS", 2)
    Work(session, world, work.trainee)
    refused(lambda: Work(session, world, work.trainee), "too_many_products")


def test_an_acceptance_is_taken_back_for_a_reason(session: Session, work: Work) -> None:
    work.saved().handed_in().accepted()

    def undo(reason: str) -> None:
        undo_acceptance(session, work.product_id, reason=reason, actor=work.leader, now=NOW)

    assert refused(lambda: undo(" "), "reason_missing").field == "reason"
    assert refused(lambda: undo("я" * 501), "text_too_long").field == "reason"
    undo("не тот файл")
    assert work.product.state is ProductState.SUBMITTED
    (review,) = work.product.versions[0].reviews
    assert (review.undone_by, review.undone_because) == (work.leader.name, "не тот файл")
    refused(lambda: undo("ещё раз"), "product_not_accepted")
    work.now += timedelta(minutes=1)
    work.returned()
    assert [one.number for one in work.product.versions] == [1, 2]
    assert notices(session)[-2:] == [
        ("acceptance_undone", work.trainee.person_id),
        ("product_returned", work.trainee.person_id),
    ]


def test_files_are_seen_by_author_and_leader_alone(session: Session, world: World, work: Work) -> None:
    work.saved().with_file()
    version = open_version(work.product)
    assert version is not None
    may_see = ATTACHMENT_RULES["product_version"]
    may_see(session, work.author, version.id)
    with pytest.raises(NotFound):  # it isn't handed in yet
        may_see(session, work.leader, version.id)
    work.handed_in()
    may_see(session, work.leader, version.id)
    other = World(session, "b", moodle=world.moodle)
    strangers = [
        other.leader_actor,
        world.actor_of(world.trainee()),
        Actor(person_id=None, name="", roles=frozenset({Role.CENTRE, Role.ADMINISTRATOR})),
    ]
    for stranger in strangers:
        with pytest.raises(NotFound):
            may_see(session, stranger, version.id)
    with pytest.raises(NotFound):
        may_see(session, work.author, 999_999)


def test_a_file_is_taken_into_the_next_text_as_a_copy(
    session: Session, world: World, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.saved().with_file().handed_in().returned()
    assert work.store is not None
    first, second = work.product.versions
    (file,) = attachments_of(session, first)
    store = work.store
    carry_over(session, store, work.product_id, file.id, actor=work.author, now=NOW)
    (copy,) = attachments_of(session, second)
    assert (copy.name, copy.sha256) == (file.name, file.sha256)
    assert copy.stored_as != file.stored_as
    refused(
        lambda: detach(session, work.product_id, file.id, actor=work.author, now=NOW), "no_such_attachment", NotFound
    )
    refused(
        lambda: carry_over(session, store, work.product_id, copy.id, actor=work.author, now=NOW),
        "no_such_attachment",
        NotFound,
    )
    monkeypatch.setattr("lti_app.products.files.MOST_FILES", 1)
    refused(work.with_file, "too_many_files")
    refused(lambda: carry_over(session, store, work.product_id, file.id, actor=work.author, now=NOW), "too_many_files")
    assert session.scalar(select(func.count()).select_from(Attachment)) == 2


def test_a_foreign_files_number_is_refused(session: Session, world: World, work: Work) -> None:
    other = Work(session, world, world.trainee(), work.demand_id, store=work.store).saved().with_file()
    version = open_version(other.product)
    assert version is not None
    (file,) = attachments_of(session, version)
    assert work.store is not None
    store = work.store
    for call in (
        lambda: detach(session, work.product_id, file.id, actor=work.author, now=NOW),
        lambda: carry_over(session, store, work.product_id, file.id, actor=work.author, now=NOW),
    ):
        refused(call, "no_such_attachment", NotFound)
    assert session.scalar(select(func.count()).select_from(ProductVersion)) == 2
    with pytest.raises(NotFound):
        save_product(session, work.product_id, ProductText("x", ProductKind.OTHER), seen=1, actor=other.author, now=NOW)
