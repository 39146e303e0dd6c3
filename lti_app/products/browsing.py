"""Looking through the catalogue: filters in the address, fifty rows a page, constant queries. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_app.core.errors import DomainError, Text
from lti_app.core.paging import PAGE_SIZE, Page, page_number
from lti_app.core.permissions import Actor
from lti_app.core.words import plain
from lti_app.intakes.models import Intake, Trainee
from lti_app.people.models import Organisation, Person
from lti_app.products.catalogue import require_reader
from lti_app.products.models import Product, Publication
from lti_app.programmes.demands import kind_from, kind_words
from lti_app.programmes.models import ProgrammeVersion
from lti_app.sites.models import Site

Filters = Mapping[str, str]
"""q (words), direction, kind (with the lesson's), subject."""
MOST_WORDS = 8


@dataclass(frozen=True)
class CatalogueRow:
    """Show a product in the catalogue's list."""

    publication_id: int
    title: str
    kind: Text
    subject: str | None
    author: str
    organisation: str | None
    direction: str
    programme: str
    published_at: datetime


def browse(session: Session, filters: Filters, asked: int | None, *, actor: Actor) -> Page[CatalogueRow]:
    """Return a page of the catalogue, the newest first. Three queries. Raises Forbidden for who isn't known."""
    require_reader(actor)
    wanted = _wanted(filters)
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    number = page_number(asked, total)
    ids = session.scalars(
        wanted.order_by(Publication.published_at.desc(), Publication.id.desc())
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    ).all()
    return Page(_rows(session, ids), number, total)


def _wanted(filters: Filters) -> Select[Any]:
    """Select the ids of what the filters leave; words are looked for as they were folded at publication."""
    query = select(Publication.id).where(Publication.ended_at.is_(None))
    for word in plain(filters.get("q", "")).split()[:MOST_WORDS]:
        query = query.where(Publication.search_key.contains(word, autoescape=True))
    if subject := plain(filters.get("subject", "")):
        query = query.where(Publication.subject_key.contains(subject, autoescape=True))
    if direction := filters.get("direction"):
        query = query.where(Publication.site_id.in_(select(Site.id).where(Site.direction == direction)))
    if asked := filters.get("kind"):
        try:
            kind, lesson_kind = kind_from(asked)
        except DomainError:  # an address that somebody typed: as if no kind were asked for
            return query
        query = query.join(Product, Product.id == Publication.product_id).where(Product.kind == kind)
        if lesson_kind is not None:
            query = query.where(Product.lesson_kind == lesson_kind)
    return query


def _rows(session: Session, ids: Sequence[int]) -> list[CatalogueRow]:
    rows = session.execute(
        select(Publication, Product, Person, Organisation, Site.direction, ProgrammeVersion.title)
        .join(Product, Product.id == Publication.product_id)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Person, Person.id == Trainee.person_id)
        .outerjoin(Organisation, Organisation.id == Person.organisation_id)
        .join(Site, Site.id == Publication.site_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .where(Publication.id.in_(ids))
        .order_by(Publication.published_at.desc(), Publication.id.desc())
    )
    return [
        CatalogueRow(
            publication_id=publication.id,
            title=product.title,
            kind=kind_words(product.kind, product.lesson_kind),
            subject=product.subject,
            author=person.full_name,
            organisation=organisation.label if organisation else None,
            direction=direction,
            programme=programme,
            published_at=publication.published_at,
        )
        for publication, product, person, organisation, direction, programme in rows
    ]


def directions(session: Session) -> Sequence[str]:
    """Return the directions of which something stands in the catalogue. One query."""
    shown = select(Publication.id).where(Publication.site_id == Site.id, Publication.ended_at.is_(None)).exists()
    return session.scalars(select(Site.direction).where(shown).distinct().order_by(Site.direction)).all()
