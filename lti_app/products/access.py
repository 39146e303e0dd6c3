"""Whose product it is: its author, the leader of the site; nobody else sees one that isn't in the catalogue."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from lti_app.core.errors import Forbidden, NotFound
from lti_app.core.permissions import Actor, Permission, Role
from lti_app.intakes.models import Intake, Trainee
from lti_app.intakes.places import site_of
from lti_app.people.models import Person
from lti_app.products.models import Product, ProductReview, ProductVersion
from lti_app.programmes.models import Programme, ProgrammeVersion
from lti_app.sites.models import Site


def roles_in(session: Session, intake_id: int, actor: Actor) -> list[Role]:
    """Return the roles that ``actor`` has in an intake, the leader's first. Raises NotFound, Forbidden if none."""
    site_id = site_of(session, intake_id)
    if site_id is None:
        raise NotFound("no_such_intake", _l("There is no such intake."))
    roles = []
    if leads(actor, site_id):
        roles.append(Role.LEADER)
    if intake_id in actor.trainee_intake_ids and actor.may(Permission.OWN_RECORD):
        roles.append(Role.TRAINEE)
    if not roles:
        raise Forbidden(
            "not_your_intake",
            _l("You have no place in this intake."),
            remedy=_l("It is open to its trainees and to the leader of its site."),
        )
    return roles


def leads(actor: Actor, site_id: int) -> bool:
    """Tell whether ``actor`` leads the site today (4.1)."""
    return site_id in actor.led_site_ids and actor.may(Permission.RUN_INTAKES)


def product_of(session: Session, product_id: int, *, locked: bool = False) -> Product:
    """Return a product with its author, intake, site, demand, texts and reviews; three queries. Raises NotFound.

    ``locked``: nobody else changes it until the transaction ends, and everything of it is read after that is sure.
    """
    if locked:
        session.execute(select(Product.id).where(Product.id == product_id).with_for_update())
    product = session.scalar(
        select(Product)
        .where(Product.id == product_id)
        .options(
            joinedload(Product.trainee).joinedload(Trainee.person).joinedload(Person.organisation),
            joinedload(Product.trainee)
            .joinedload(Trainee.intake)
            .joinedload(Intake.version)
            .joinedload(ProgrammeVersion.programme)
            .joinedload(Programme.site)
            .joinedload(Site.organisation),
            joinedload(Product.demand),
            selectinload(Product.versions).selectinload(ProductVersion.reviews).joinedload(ProductReview.made_by),
        )
        .execution_options(populate_existing=locked)
    )
    if product is None:
        raise no_such_product()
    return product


def site_id_of(product: Product) -> int:
    """Return the site at which a product came about."""
    return product.trainee.intake.version.programme.site_id


def is_author(product: Product, actor: Actor) -> bool:
    """Tell whether ``actor`` is the trainee whose product it is, also after they have left."""
    return actor.person_id is not None and product.trainee.person_id == actor.person_id


def own_product(session: Session, product_id: int, *, actor: Actor, locked: bool = False) -> Product:
    """Return a product of the actor's own. Raises NotFound for others."""
    product = product_of(session, product_id, locked=locked)
    if not is_author(product, actor):
        raise no_such_product()
    return product


def product_to_see(session: Session, product_id: int, *, actor: Actor, locked: bool = False) -> Product:
    """Return a product for its author or the leader of the site. Raises NotFound for others."""
    product = product_of(session, product_id, locked=locked)
    if not is_author(product, actor) and not leads(actor, site_id_of(product)):
        raise no_such_product()
    return product


def product_to_review(session: Session, product_id: int, *, actor: Actor) -> Product:
    """Return a product of a site led, locked, for the leader's word on it. Raises NotFound, Forbidden for one's own."""
    product = product_to_see(session, product_id, actor=actor, locked=True)
    actor.require_site(site_id_of(product))
    require_not_own(product.trainee, actor)
    return product


def require_not_own(trainee: Trainee, actor: Actor) -> None:
    """Refuse that somebody decides on their own product."""
    if trainee.person_id == actor.require_person():
        raise Forbidden(
            "own_product",
            _l("This product is yours: somebody else decides on it."),
            remedy=_l("Ask the centre who decides in your place."),
        )


def no_such_product() -> NotFound:
    """Build the refusal for a product that isn't there, or isn't this person's to see."""
    return NotFound("no_such_product", _l("There is no such product."))
