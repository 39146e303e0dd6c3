"""Who is told what of products: the leader of one that waits, the author of the answer and of the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_app.notices.service import tell
from lti_app.products.access import site_id_of
from lti_app.products.models import Product, ProductVersion
from lti_app.sites.models import SiteLeader

LONGEST_QUOTE = 500


def tell_leader(session: Session, product: Product, version: ProductVersion, *, now: datetime) -> None:
    """Tell the leader of the site that a product waits: once for each time that it is handed in."""
    leaders = session.scalars(
        select(SiteLeader.person_id).where(SiteLeader.site_id == site_id_of(product), SiteLeader.until.is_(None))
    )
    facts = {"title": product.title, "name": product.trainee.person.full_name, "number": version.number}
    _tell(session, leaders.all(), product, occasion="product_submitted", facts=facts, now=now)


def tell_author(session: Session, product: Product, occasion: str, words: str, *, now: datetime) -> None:
    """Tell the author what became of a product: once for each time."""
    facts = {"title": product.title, "words": words[:LONGEST_QUOTE]}
    _tell(session, [product.trainee.person_id], product, occasion=occasion, facts=facts, now=now)


def _tell(
    session: Session, people: Any, product: Product, *, occasion: str, facts: dict[str, Any], now: datetime
) -> None:
    turn = f"{now:%Y%m%dT%H%M%S%f}"  # the same product is handed in, returned and accepted time and again
    path = f"/products/{product.id}"
    tell(session, people, occasion=occasion, about=product, path=path, facts=facts, now=now, turn=turn)
