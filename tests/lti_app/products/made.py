"""Products made in a line: a demand with criteria, a product handed in, accepted, published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core.attachment_store import AttachmentStore
from lti_app.core.attachments import Upload
from lti_app.core.errors import DomainError
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Trainee
from lti_app.products.access import product_of
from lti_app.products.catalogue import agree
from lti_app.products.files import attach
from lti_app.products.handing import ProductText, begin_product, hand_in, save_product
from lti_app.products.models import Mark, Product, Publication
from lti_app.products.reviewing import MarkRow, accept_product, return_product
from lti_app.programmes.models import LessonKind, ProductDemand, ProductKind
from tests.lti_app.core.documents import docx
from tests.lti_app.world import NOW, World, behind_the_rules

CRITERIA = ("Цель урока диагностична", "Этапы связаны с целью")
ALL_MET = {0: MarkRow(Mark.MET), 1: MarkRow(Mark.PARTLY, "этап рефлексии краток")}
LINK = "https://example.org/urok"


def store_in(folder: Path) -> AttachmentStore:
    """Return a store of files in a folder of the test's own."""
    return AttachmentStore(folder, endings=("docx", "pdf"), megabytes=5)


def demand(
    world: World,
    position: int = 1,
    *,
    title: str = "Технологическая карта урока",
    kind: ProductKind = ProductKind.TECHNOLOGICAL_MAP,
    criteria: tuple[str, ...] = CRITERIA,
    is_required: bool = True,
) -> ProductDemand:
    """Let the world's version ask for a product, as the council approved it."""
    made = ProductDemand(
        version_id=world.version.id,
        position=position,
        kind=kind,
        title=title,
        criteria=list(criteria),
        is_required=is_required,
    )
    with behind_the_rules(world.session):
        world.session.add(made)
    return made


def refused(call: Callable[[], Any], code: str, kind: type[DomainError] = DomainError) -> DomainError:
    """Return the refusal with ``code`` that ``call`` ends in."""
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.code == code
    return caught.value


@dataclass
class Work:
    """A trainee's product in a session, with steps that say what they do."""

    session: Session
    world: World
    trainee: Trainee
    demand_id: int | None = None
    product_id: int = 0
    now: datetime = NOW
    store: AttachmentStore | None = field(default=None)

    def __post_init__(self) -> None:
        self.product_id = begin_product(
            self.session,
            intake_id=self.world.intake.id,
            demand_id=self.demand_id,
            title="Урок о дробях",
            kind=ProductKind.METHODICAL,
            actor=self.author,
            now=self.now,
        ).id

    @property
    def author(self) -> Actor:
        """Act as the trainee."""
        return self.world.actor_of(self.trainee)

    @property
    def leader(self) -> Actor:
        """Act as the leader of the site."""
        return self.world.leader_actor

    @property
    def product(self) -> Product:
        """Return the product as it stands."""
        return product_of(self.session, self.product_id)

    def saved(
        self,
        title: str = "Урок о дробях",
        *,
        subject: str = "Математика",
        note: str = "",
        links: tuple[str, ...] = (LINK,),
        kind: ProductKind = ProductKind.METHODICAL,
        lesson_kind: LessonKind | None = None,
        seen: int | None = None,
    ) -> Work:
        """Save what the product says."""
        text = ProductText(title, kind, lesson_kind, subject, note, links)
        revision = self.product.revision if seen is None else seen
        save_product(self.session, self.product_id, text, seen=revision, actor=self.author, now=self.now)
        return self

    def with_file(self, name: str = "карта.docx") -> Work:
        """Attach a file."""
        assert self.store is not None
        attach(self.session, self.store, self.product_id, Upload(name, docx()), actor=self.author, now=self.now)
        return self

    def handed_in(self) -> Work:
        """Hand it in."""
        hand_in(self.session, self.product_id, actor=self.author, now=self.now)
        return self

    def returned(self, remarks: str = "Уточните цель") -> Work:
        """Let the leader return it."""
        return_product(
            self.session,
            self.product_id,
            seen=self.product.revision,
            remarks=remarks,
            marks={},
            actor=self.leader,
            now=self.now,
        )
        return self

    def accepted(self) -> Work:
        """Let the leader accept it."""
        accept_product(
            self.session,
            self.product_id,
            seen=self.product.revision,
            remarks="",
            marks=ALL_MET,
            actor=self.leader,
            now=self.now,
        )
        return self

    def agreed(self) -> Work:
        """Let the author agree to the catalogue."""
        agree(self.session, self.product_id, agrees=True, actor=self.author, now=self.now)
        return self


def publication_id(session: Session, product_id: int) -> int:
    """Return the number under which a product stands in the catalogue."""
    statement = select(Publication.id).where(Publication.product_id == product_id, Publication.ended_at.is_(None))
    return session.scalars(statement).one()
