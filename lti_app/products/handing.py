"""A trainee's product until it is handed in, and again after it was returned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import saving
from lti_app.core.attachments import attachments_of
from lti_app.core.db import lock_row
from lti_app.core.editing import Difference, differences, require_unchanged
from lti_app.core.errors import Conflict, DomainError, Forbidden, NotFound
from lti_app.core.fitting import require_fitting
from lti_app.core.permissions import Actor, Permission
from lti_app.core.saving import Saved
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.products.access import own_product
from lti_app.products.models import EDITABLE, Product, ProductState, ProductVersion, Source
from lti_app.products.telling import tell_leader
from lti_app.products.texts import handed_in, open_version
from lti_app.products.words import FIELD_NAMES
from lti_app.programmes.demands import kind_words
from lti_app.programmes.models import LessonKind, ProductDemand, ProductKind

MOST_PRODUCTS = 50
"""Products that a trainee may have in one intake."""
MOST_LINKS = 20
LONGEST_LINK = 2_000
LONGEST_NOTE = 5_000


@dataclass(frozen=True)
class ProductText:
    """Hold what was typed of a product and of the text that is being prepared."""

    title: str
    kind: ProductKind
    lesson_kind: LessonKind | None = None
    subject: str = ""
    note: str = ""
    links: tuple[str, ...] = ()


def begin_product(
    session: Session,
    *,
    intake_id: int,
    demand_id: int | None,
    actor: Actor,
    now: datetime,
    title: str = "",
    kind: ProductKind = ProductKind.OTHER,
    lesson_kind: LessonKind | None = None,
) -> Product:
    """Begin a product on a demand of the programme, or of one's own choice; the one begun before, if there is one.

    Raises Forbidden without a place, Conflict before the intake is published or once it is broken off, NotFound for a
    demand of another programme, DomainError without a title.
    """
    trainee = own_trainee(session, intake_id, actor=actor)
    lock_row(session, trainee)
    demand = _demand_of(session, trainee, demand_id) if demand_id is not None else None
    if demand is not None:
        known = session.scalar(select(Product).where(Product.trainee_id == trainee.id, Product.demand_id == demand.id))
        if known is not None:
            return known
        title, kind, lesson_kind = demand.title, demand.kind, demand.lesson_kind
    title = _checked_title(title)
    count = session.scalar(select(func.count()).where(Product.trainee_id == trainee.id)) or 0
    if count >= MOST_PRODUCTS:
        raise Conflict(
            "too_many_products",
            _l("You have %(number)s products in this intake, and more are not taken.", number=count),
            remedy=_l("Hand in a new text of one of them."),
        )
    product = Product(
        trainee_id=trainee.id,
        demand_id=demand.id if demand is not None else None,
        kind=kind,
        lesson_kind=lesson_kind,
        title=title,
        state=ProductState.DRAFT,
        created_at=now,
    )
    product.versions.append(ProductVersion(number=1, source=Source.TOOL, links=[]))
    saving.add(session, product, actor=actor, now=now, action="begin_product")
    return product


def own_trainee(session: Session, intake_id: int, *, actor: Actor) -> Trainee:
    """Return the actor's own place in an intake in which products are handed in. Raises Forbidden, Conflict."""
    actor.require(Permission.OWN_RECORD)
    trainee = session.scalar(
        select(Trainee)
        .where(
            Trainee.intake_id == intake_id,
            Trainee.person_id == actor.require_person(),
            Trainee.state == TraineeState.ENROLLED,
        )
        .options(joinedload(Trainee.intake))
    )
    if trainee is None:
        raise Forbidden(
            "not_your_intake",
            _l("You have no place in this intake."),
            remedy=_l("It is open to its trainees and to the leader of its site."),
        )
    _require_running(trainee.intake)
    return trainee


def _require_running(intake: Intake) -> None:
    if intake.published_at is None:
        raise Conflict(
            "intake_not_published",
            _l("This intake isn't published yet."),
            remedy=_l("Products are handed in once the leader has published it."),
            clause="4.2",
        )
    if intake.broken_off_on is not None:
        raise Conflict(
            "intake_broken_off",
            _l("This intake was broken off: nothing is handed in any more."),
            remedy=_l("What was accepted stays as it is."),
            clause="8.1",
        )


def _demand_of(session: Session, trainee: Trainee, demand_id: int) -> ProductDemand:
    demand = session.get(ProductDemand, demand_id)
    if demand is None or demand.version_id != trainee.intake.version_id:
        raise NotFound("no_such_demand", _l("The programme asks for no such product."))
    return demand


def product_to_edit(session: Session, product_id: int, *, actor: Actor) -> Product:
    """Return an own product that is its author's to change now, locked. Raises NotFound, Forbidden, Conflict."""
    product = own_product(session, product_id, actor=actor, locked=True)
    require_editable(product)
    return product


def require_editable(product: Product) -> None:
    """Refuse what isn't its author's to change. Raises Forbidden, Conflict."""
    if product.trainee.state is not TraineeState.ENROLLED:
        raise Forbidden(
            "not_your_intake",
            _l("You have no place in this intake."),
            remedy=_l("It is open to its trainees and to the leader of its site."),
        )
    _require_running(product.trainee.intake)
    if product.state is ProductState.SUBMITTED:
        raise Conflict(
            "product_submitted",
            _l("The product is with the leader: until the answer nothing of it changes."),
            remedy=_l("Take it back first, if something has to be mended."),
        )
    if product.state not in EDITABLE:
        raise Conflict(
            "product_accepted",
            _l("The product is accepted and stays as it is."),
            remedy=_l("Ask the leader to take the acceptance back, if something has to be mended."),
        )


def save_product(
    session: Session, product_id: int, text: ProductText, *, seen: int | None, actor: Actor, now: datetime
) -> Product:
    """Bring a product and the text being prepared to what was typed. Raises EditedMeanwhile, Conflict, DomainError."""
    product = product_to_edit(session, product_id, actor=actor)
    version = next_version(session, product)
    values, of_version = _values(product, text)
    require_unchanged(session, product, seen, lambda: _compared(product, version, values, of_version))
    require_fitting(Product, values)
    saved = saving.change(session, product, values, actor=actor, now=now, action="change_product")
    changed = saving.change(session, version, of_version, actor=actor, now=now, action="change_product_text")
    if changed is Saved.CHANGED and saved is Saved.UNCHANGED:
        product.revision += 1
        session.flush()
    return product


def _values(product: Product, text: ProductText) -> tuple[dict[str, Any], dict[str, Any]]:
    lesson_kind = text.lesson_kind
    kind = text.kind
    if product.demand is not None:
        kind = product.demand.kind
        lesson_kind = product.demand.lesson_kind or (lesson_kind if kind is ProductKind.LESSON_DESIGN else None)
    note = text.note.strip()
    if len(note) > LONGEST_NOTE:
        raise DomainError(
            "text_too_long", _l("Longer than %(limit)s characters: say it shorter.", limit=LONGEST_NOTE), field="note"
        )
    values = {
        "title": _checked_title(text.title),
        "subject": " ".join(text.subject.split()) or None,
        "kind": kind,
        "lesson_kind": lesson_kind,
    }
    return values, {"note": note or None, "links": checked_links(text.links)}


def _compared(
    product: Product, version: ProductVersion, values: dict[str, Any], of_version: dict[str, Any]
) -> Sequence[Difference]:
    plain = {name: value for name, value in values.items() if name in ("title", "subject")}
    found = differences(product, plain, FIELD_NAMES)
    theirs, yours = (kind_words(product.kind, product.lesson_kind), kind_words(values["kind"], values["lesson_kind"]))
    if (product.kind, product.lesson_kind) != (values["kind"], values["lesson_kind"]):
        found.append(Difference(FIELD_NAMES["kind"], str(theirs), str(yours)))
    if (version.note or "") != (of_version["note"] or ""):
        found.append(Difference(FIELD_NAMES["note"], version.note or "", of_version["note"] or ""))
    if version.links != of_version["links"]:
        found.append(Difference(FIELD_NAMES["links"], "\n".join(version.links), "\n".join(of_version["links"])))
    return found


def _checked_title(title: str) -> str:
    title = " ".join(title.split())
    require_fitting(Product, {"title": title})
    if not title:
        raise DomainError(
            "title_missing", _l("The title is missing."), remedy=_l("Give the product a title."), field="title"
        )
    return title


def checked_links(links: Sequence[str]) -> list[str]:
    """Return addresses without gaps and repetitions. Raises DomainError for what isn't http or https."""
    found = list(dict.fromkeys(link.strip() for link in links if link.strip()))
    for link in found:
        if len(link) > LONGEST_LINK or not _is_address(link):
            raise DomainError(
                "bad_link",
                _l("“%(link)s” is no address of the Internet.", link=link[:100]),
                remedy=_l("Copy it from the browser: it begins with https:// or http://."),
                field="links",
            )
    if len(found) > MOST_LINKS:
        raise DomainError(
            "too_many_links",
            _l("There are more than %(limit)s links.", limit=MOST_LINKS),
            remedy=_l("Give the address of a folder that holds them."),
            field="links",
        )
    return found


def _is_address(link: str) -> bool:
    try:
        parts = urlsplit(link)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(map(str.isspace, link))
    except ValueError:
        return False


def next_version(session: Session, product: Product) -> ProductVersion:
    """Begin the next text of a product with the links of the last one, unless one is being prepared already."""
    known = open_version(product)
    if known is not None:
        return known
    last = product.versions[-1] if product.versions else None
    version = ProductVersion(
        number=last.number + 1 if last else 1, source=Source.TOOL, links=list(last.links) if last else []
    )
    product.versions.append(version)
    session.flush()
    return version


def hand_in(session: Session, product_id: int, *, actor: Actor, now: datetime) -> ProductVersion:
    """Put the text being prepared before the leader; nothing of it changes from then on.

    Raises Conflict where it isn't the author's to change, DomainError where there is nothing to look at.
    """
    product = product_to_edit(session, product_id, actor=actor)
    version = next_version(session, product)
    if product.kind is ProductKind.LESSON_DESIGN and product.lesson_kind is None:
        raise DomainError(
            "lesson_kind_missing",
            _l("The kind of the lesson is missing."),
            remedy=_l("Choose one: in class, extracurricular, integrated or another."),
            field="kind",
            clause="5.1",
        )
    if not version.links and not attachments_of(session, version):
        raise DomainError(
            "nothing_to_hand_in",
            _l("There is neither a file nor a link."),
            remedy=_l("Attach a file, or give the address at which your work can be read."),
            field="file",
        )
    version.submitted_at = now
    saving.change(session, product, {"state": ProductState.SUBMITTED}, actor=actor, now=now, action="submit_product")
    tell_leader(session, product, version, now=now)
    return version


def take_back(session: Session, product_id: int, *, actor: Actor, now: datetime) -> Product:
    """Take a product back that was handed in and isn't decided on: it is its author's to change again.

    Raises NotFound, Conflict once it was decided on, or where it was handed in in Moodle.
    """
    product = own_product(session, product_id, actor=actor, locked=True)
    version = handed_in(product)
    if product.state is not ProductState.SUBMITTED or version is None:
        raise Conflict(
            "product_not_submitted",
            _l("This product doesn't wait for the leader's answer."),
            remedy=_l("Reload the page to see how things stand."),
        )
    if version.source is Source.MOODLE:
        raise Conflict(
            "handed_in_in_moodle",
            _l("This was handed in in Moodle, and is changed there."),
            remedy=_l("Ask the leader to return it, if you mean to hand it in here."),
        )
    version.submitted_at = None
    saving.change(session, product, {"state": ProductState.WITHDRAWN}, actor=actor, now=now, action="take_back_product")
    return product
