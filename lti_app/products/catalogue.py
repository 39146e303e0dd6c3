"""The catalogue (2.2): accepted products whose authors agree, in the very text accepted; found, and taken out again."""

from __future__ import annotations

from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.core import audit, saving
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission
from lti_app.core.words import in_municipal_language, plain
from lti_app.products.access import leads, own_product, product_of, site_id_of
from lti_app.products.models import Product, ProductState, ProductVersion, Publication
from lti_app.products.telling import tell_author
from lti_app.products.texts import accepted_version
from lti_app.programmes.demands import kind_words

LONGEST_KEY = 4_000
LONGEST_REASON = 500


def may_read_catalogue(actor: Actor) -> bool:
    """Tell whether the catalogue is open to ``actor``: to who is known, and to the centre and the council."""
    return actor.person_id is not None or actor.may(Permission.SEE_LISTS)


def require_reader(actor: Actor) -> None:
    """Raise Forbidden unless the catalogue is open to ``actor``."""
    if not may_read_catalogue(actor):
        actor.require_person()


def agree(session: Session, product_id: int, *, agrees: bool, actor: Actor, now: datetime) -> Product:
    """Let the author agree that a product stands in the catalogue (name, place of work), or take that back.

    It stands there at once if it is accepted, and is gone at once without consent. Raises NotFound for others',
    Conflict where this very text was taken out by the leader or the centre.
    """
    product = own_product(session, product_id, actor=actor, locked=True)
    action = "agree_to_publish" if agrees else "refuse_to_publish"
    if agrees and product.consented_at is None:
        saving.change(session, product, {"consented_at": now}, actor=actor, now=now, action=action)
    elif not agrees:
        saving.change(session, product, {"consented_at": None}, actor=actor, now=now, action=action)
        end_publication(session, product, reason=None, actor=actor, now=now)
        return product
    version = accepted_version(product)
    if product.state is ProductState.ACCEPTED and version is not None:
        taken_out = taken_out_because(session, version)
        if taken_out is not None:
            raise Conflict(
                "taken_out_of_catalogue",
                _l("This text was taken out of the catalogue: %(reason)s", reason=taken_out),
                remedy=_l("Ask the leader to return the product, and hand in a mended text."),
            )
        publish(session, product, version, actor=actor, now=now)
    return product


def taken_out_because(session: Session, version: ProductVersion) -> str | None:
    """Return why the leader or the centre took this very text out of the catalogue, or None. One query."""
    return session.scalar(
        select(Publication.ended_because)
        .where(Publication.version_id == version.id, Publication.ended_because.is_not(None))
        .limit(1)
    )


def shown_publication(session: Session, product: Product) -> Publication | None:
    """Return the place in the catalogue that a product has now. One query."""
    return session.scalar(
        select(Publication).where(Publication.product_id == product.id, Publication.ended_at.is_(None))
    )


def publish(
    session: Session, product: Product, version: ProductVersion, *, actor: Actor, now: datetime
) -> Publication | None:
    """Put an accepted text into the catalogue where its author agrees and nobody took it out; None otherwise."""
    if product.consented_at is None or shown_publication(session, product) is not None:
        return None
    if taken_out_because(session, version) is not None:
        return None
    publication = Publication(
        product_id=product.id,
        version_id=version.id,
        site_id=site_id_of(product),
        search_key=_search_key(product, version),
        subject_key=plain(product.subject or "")[:200],
        published_at=now,
    )
    session.add(publication)
    session.flush()
    audit.record(session, actor=actor, now=now, action="publish_product", on=product)
    return publication


def _search_key(product: Product, version: ProductVersion) -> str:
    """Return what a product is found by: title, subject, kind, note, author, organisation, programme, direction."""
    person = product.trainee.person
    programme_version = product.trainee.intake.version
    words = (
        product.title,
        product.subject,
        in_municipal_language(kind_words(product.kind, product.lesson_kind)),
        person.full_name,
        person.organisation.label if person.organisation else "",
        programme_version.title,
        programme_version.programme.site.direction,
        version.note,
    )
    return plain(" ".join(word for word in words if word))[:LONGEST_KEY]


def end_publication(
    session: Session, product: Product, *, reason: str | None, actor: Actor, now: datetime
) -> Publication | None:
    """Take a product out of the catalogue, if it stands there: it and its files are closed at once."""
    publication = shown_publication(session, product)
    if publication is None:
        return None
    publication.ended_at, publication.ended_by, publication.ended_because = now, actor.name[:200], reason
    session.flush()
    changes = {"reason": [None, reason]} if reason else {}
    audit.record(session, actor=actor, now=now, action="take_out_product", on=product, changes=changes)
    return publication


def may_take_out(actor: Actor, site_id: int) -> bool:
    """Tell whether ``actor`` may take others' products out of the catalogue: the leader of the site, the centre."""
    return leads(actor, site_id) or actor.may(Permission.KEEP_SITES)


def take_out(session: Session, publication_id: int, *, reason: str, actor: Actor, now: datetime) -> Publication:
    """Take a product out of the catalogue as the leader of its site or the centre; its author is told the reason.

    Raises NotFound where it doesn't stand there, Forbidden, DomainError without a reason.
    """
    publication = publication_of(session, publication_id, actor=actor)
    if not may_take_out(actor, publication.site_id):
        raise Forbidden(
            "not_permitted",
            _l("This isn't yours to take out of the catalogue."),
            remedy=_l("Its author, the leader of its site and the centre may do so."),
        )
    reason = require_reason(reason)
    product = product_of(session, publication.product_id, locked=True)
    end_publication(session, product, reason=reason, actor=actor, now=now)
    tell_author(session, product, "product_taken_out", reason, now=now)
    return publication


def require_reason(reason: str) -> str:
    """Return a reason without blanks around it. Raises DomainError where there is none, or it is too long."""
    reason = reason.strip()
    if not reason:
        raise DomainError("reason_missing", _l("The reason is missing."), remedy=_l("Say why."), field="reason")
    if len(reason) > LONGEST_REASON:
        words = _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_REASON)
        raise DomainError("text_too_long", words, field="reason")
    return reason


def publication_of(session: Session, publication_id: int, *, actor: Actor) -> Publication:
    """Return what stands in the catalogue. Raises Forbidden for who isn't known, NotFound for what is gone."""
    require_reader(actor)
    publication = session.get(Publication, publication_id)
    if publication is None or publication.ended_at is not None:
        raise NotFound(
            "no_such_publication",
            _l("This doesn't stand in the catalogue, or not any more."),
            remedy=_l("Its author may have taken it out."),
        )
    return publication
