"""What must always hold of products and the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_app.core.invariants import Check
from lti_app.intakes.models import Intake, Trainee
from lti_app.products.models import (
    Decision,
    Product,
    ProductAssignment,
    ProductReview,
    ProductState,
    ProductVersion,
    Publication,
)
from lti_app.programmes.models import ProductDemand, Programme, ProgrammeVersion


def _last_handed_in() -> object:
    return (
        select(func.max(ProductVersion.number))
        .where(ProductVersion.product_id == Product.id, ProductVersion.submitted_at.is_not(None))
        .correlate(Product)
        .scalar_subquery()
    )


def states_without_ground(session: Session) -> Iterator[str]:
    """Find products whose state isn't that of the answer to the text that was handed in last."""
    for product_id, state, version_id, decision in session.execute(
        select(Product.id, Product.state, ProductVersion.id, ProductReview.decision)
        .outerjoin(
            ProductVersion,
            (ProductVersion.product_id == Product.id) & (ProductVersion.number == _last_handed_in()),
        )
        .outerjoin(ProductReview, (ProductReview.version_id == ProductVersion.id) & ProductReview.undone_at.is_(None))
        .order_by(Product.id)
    ):
        decided = {
            ProductState.SUBMITTED: version_id is not None and decision is None,
            ProductState.ACCEPTED: decision is Decision.ACCEPTED,
            ProductState.RETURNED: decision is Decision.RETURNED,
            ProductState.DRAFT: version_id is None,
            ProductState.WITHDRAWN: decision is not Decision.ACCEPTED and (version_id is None or decision is not None),
        }
        if not decided[state]:
            yield f"product {product_id} is {state.value}, its text handed in last says otherwise"


def publications_without_ground(session: Session) -> Iterator[str]:
    """Find what stands in the catalogue without being accepted in that very text, or without its author's consent."""
    for (publication_id,) in session.execute(
        select(Publication.id)
        .join(Product, Product.id == Publication.product_id)
        .join(ProductVersion, ProductVersion.id == Publication.version_id)
        .outerjoin(
            ProductReview,
            (ProductReview.version_id == ProductVersion.id)
            & ProductReview.undone_at.is_(None)
            & (ProductReview.decision == Decision.ACCEPTED),
        )
        .where(
            Publication.ended_at.is_(None),
            (Product.state != ProductState.ACCEPTED)
            | Product.consented_at.is_(None)
            | (ProductVersion.product_id != Product.id)
            | ProductReview.id.is_(None),
        )
        .order_by(Publication.id)
    ):
        yield f"publication {publication_id} shows what isn't accepted, or what its author doesn't agree to"


def demands_of_other_programmes(session: Session) -> Iterator[str]:
    """Find products and assignments on demands of another version than their intake's, and of other sites."""
    for (product_id,) in session.execute(
        select(Product.id)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProductDemand, ProductDemand.id == Product.demand_id)
        .where(ProductDemand.version_id != Intake.version_id)
        .order_by(Product.id)
    ):
        yield f"product {product_id} is on a demand of another version"
    for (tie_id,) in session.execute(
        select(ProductAssignment.id)
        .join(Intake, Intake.id == ProductAssignment.intake_id)
        .join(ProductDemand, ProductDemand.id == ProductAssignment.demand_id)
        .where(ProductDemand.version_id != Intake.version_id)
        .order_by(ProductAssignment.id)
    ):
        yield f"assignment {tie_id} is tied to a demand of another version"
    for (publication_id,) in session.execute(
        select(Publication.id)
        .join(Product, Product.id == Publication.product_id)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(Programme.site_id != Publication.site_id)
        .order_by(Publication.id)
    ):
        yield f"publication {publication_id} names another site than its product's"


CHECKS = (
    Check("a product's state is that of the answer to its text handed in last", states_without_ground),
    Check("the catalogue shows accepted texts whose authors agree", publications_without_ground),
    Check("products and assignments are on demands of their own intake's version", demands_of_other_programmes),
)
