"""The leader's answer to a product: returned with remarks or accepted, criterion by criterion; and taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from lti_app.core import audit, saving
from lti_app.core.db import lock_row
from lti_app.core.errors import Conflict, DomainError, NotFound
from lti_app.core.permissions import Actor
from lti_app.intakes.models import Intake, Trainee
from lti_app.products.access import product_of, product_to_review, require_not_own
from lti_app.products.catalogue import end_publication, publish, require_reason
from lti_app.products.handing import next_version
from lti_app.products.models import (
    Decision,
    GradeState,
    Mark,
    Product,
    ProductAssignment,
    ProductGrade,
    ProductReview,
    ProductState,
    ProductVersion,
    Source,
)
from lti_app.products.telling import tell_author
from lti_app.products.texts import handed_in, holding_review, open_version
from lti_app.programmes.models import ProductDemand, ProgrammeVersion

LONGEST_REMARKS = 5_000
LONGEST_MARK_NOTE = 500


@dataclass(frozen=True)
class MarkRow:
    """Hold the leader's mark on one criterion as it was typed; None where none was chosen."""

    mark: Mark | None = None
    note: str = ""


Marks = Mapping[int, MarkRow]
"""By the place of the criterion in the demand, from 0."""


def return_product(
    session: Session, product_id: int, *, seen: int | None, remarks: str, marks: Marks, actor: Actor, now: datetime
) -> ProductReview:
    """Return the text that waits with remarks; the author prepares the next one.

    ``seen`` is the revision of the product that the leader looked at. Raises NotFound, Forbidden for one's own,
    Conflict where another text waits by now, DomainError without remarks.
    """
    product, version = _waiting(session, product_id, seen, actor)
    if not remarks.strip():
        raise DomainError(
            "remarks_missing",
            _l("There are no remarks."),
            remedy=_l("Say what is to be mended: the author sees nothing else."),
            field="remarks",
        )
    made = _reviewed(
        session, product.demand, version, Decision.RETURNED, remarks=remarks, marks=marks, actor=actor, now=now
    )
    values = {"state": ProductState.RETURNED}
    saving.change(session, product, values, actor=actor, now=now, action="return_product")
    next_version(session, product)
    tell_author(session, product, "product_returned", remarks.strip(), now=now)
    return made


def accept_product(
    session: Session, product_id: int, *, seen: int | None, remarks: str, marks: Marks, actor: Actor, now: datetime
) -> ProductReview:
    """Accept the text that waits; it is frozen, and stands in the catalogue at once where the author agrees.

    ``seen`` is the revision of the product that the leader looked at. Raises NotFound, Forbidden for one's own,
    Conflict where another text waits by now, DomainError where a criterion has no mark or isn't met.
    """
    product, version = _waiting(session, product_id, seen, actor)
    require_met(product.demand, marks)
    made = _reviewed(
        session, product.demand, version, Decision.ACCEPTED, remarks=remarks, marks=marks, actor=actor, now=now
    )
    values = {"state": ProductState.ACCEPTED}
    saving.change(session, product, values, actor=actor, now=now, action="accept_product")
    tell_author(session, product, "product_accepted", remarks.strip(), now=now)
    publish(session, product, version, actor=actor, now=now)
    return made


def _waiting(session: Session, product_id: int, seen: int | None, actor: Actor) -> tuple[Product, ProductVersion]:
    product = product_to_review(session, product_id, actor=actor)
    version = handed_in(product)
    if product.state is not ProductState.SUBMITTED or version is None or product.revision != seen:
        raise Conflict(
            "product_not_waiting",
            _l("This text of the product doesn't wait for your answer any more."),
            remedy=_l("Look at what stands here now, and decide on that."),
        )
    return product, version


def criteria_of(demand: ProductDemand | None) -> list[str]:
    """Return the criteria of a demand; a product of the trainee's own choice has none."""
    return [str(one) for one in demand.criteria] if demand is not None else []


def require_met(demand: ProductDemand | None, marks: Marks) -> None:
    """Refuse to accept where a criterion has no mark yet, or isn't met."""
    for place, criterion in enumerate(criteria_of(demand)):
        mark = marks.get(place, MarkRow()).mark
        if mark is None:
            raise DomainError(
                "criterion_without_mark",
                _l("There is no mark on the criterion “%(criterion)s”.", criterion=criterion),
                remedy=_l("Mark each criterion before you accept the product."),
                field=f"mark_{place}",
            )
        if mark is Mark.NOT_MET:
            raise DomainError(
                "criterion_not_met",
                _l("The criterion “%(criterion)s” isn't met.", criterion=criterion),
                remedy=_l("Return the product with remarks, or mark the criterion as met in part."),
                field=f"mark_{place}",
            )


def _reviewed(
    session: Session,
    demand: ProductDemand | None,
    version: ProductVersion,
    decision: Decision,
    *,
    remarks: str,
    marks: Marks,
    actor: Actor,
    now: datetime,
) -> ProductReview:
    remarks = remarks.strip()
    if len(remarks) > LONGEST_REMARKS:
        raise _too_long(LONGEST_REMARKS, "remarks")
    review = ProductReview(
        decision=decision,
        remarks=remarks or None,
        marks=_as_rows(criteria_of(demand), marks),
        made_at=now,
        made_by_id=actor.require_person(),
    )
    version.reviews.append(review)
    session.flush()
    return review


def _as_rows(criteria: Sequence[str], marks: Marks) -> list[dict[str, Any]]:
    rows = []
    for place, criterion in enumerate(criteria):
        row = marks.get(place, MarkRow())
        note = row.note.strip()
        if len(note) > LONGEST_MARK_NOTE:
            raise _too_long(LONGEST_MARK_NOTE, f"note_{place}")
        rows.append({"criterion": criterion, "mark": row.mark.value if row.mark else None, "note": note})
    return rows


def _too_long(limit: int, field: str) -> DomainError:
    return DomainError(
        "text_too_long", _l("Longer than %(limit)s characters: say it shorter.", limit=limit), field=field
    )


def undo_acceptance(session: Session, product_id: int, *, reason: str, actor: Actor, now: datetime) -> Product:
    """Take the acceptance of a product back for a reason: it waits for an answer again, and leaves the catalogue.

    Raises NotFound, Forbidden for one's own, Conflict where it isn't accepted, DomainError without a reason.
    """
    product = product_to_review(session, product_id, actor=actor)
    review = holding_review(handed_in(product))
    if product.state is not ProductState.ACCEPTED or review is None:
        raise Conflict(
            "product_not_accepted",
            _l("This product isn't accepted."),
            remedy=_l("Reload the page to see how things stand."),
        )
    reason = require_reason(reason)
    review.undone_at, review.undone_by, review.undone_because = now, actor.name[:200], reason
    values = {"state": ProductState.SUBMITTED}
    saving.change(session, product, values, actor=actor, now=now, action="undo_acceptance")
    audit.record(
        session, actor=actor, now=now, action="undo_acceptance", on=product, changes={"reason": [None, reason]}
    )
    end_publication(session, product, reason=None, actor=actor, now=now)
    tell_author(session, product, "acceptance_undone", reason, now=now)
    return product


def accept_from_moodle(
    session: Session, *, trainee_id: int, demand_id: int, marks: Marks, remarks: str, actor: Actor, now: datetime
) -> Product:
    """Accept what a trainee handed in in Moodle, on its grade there: a text of the product without files.

    Raises NotFound without a tie or a grade, Forbidden for one's own, Conflict where a text handed in here waits or is
    accepted, DomainError where a criterion has no mark or isn't met.
    """
    trainee, demand, grade = graded_in_moodle(session, trainee_id=trainee_id, demand_id=demand_id, actor=actor)
    lock_row(session, trainee)
    product = _product_for(session, trainee, demand, actor=actor, now=now)
    if product.state in (ProductState.SUBMITTED, ProductState.ACCEPTED):
        raise Conflict(
            "product_under_way",
            _l("What the trainee handed in here waits for an answer, or is accepted already."),
            remedy=_l("Decide on it on the page of the product."),
        )
    require_met(demand, marks)
    version = _moodle_version(session, product, grade.submitted_at or now)
    _reviewed(session, demand, version, Decision.ACCEPTED, remarks=remarks, marks=marks, actor=actor, now=now)
    values = {"state": ProductState.ACCEPTED}
    saving.change(session, product, values, actor=actor, now=now, action="accept_from_moodle")
    tell_author(session, product, "product_accepted", remarks.strip(), now=now)
    publish(session, product, version, actor=actor, now=now)
    return product


def graded_in_moodle(
    session: Session, *, trainee_id: int, demand_id: int, actor: Actor
) -> tuple[Trainee, ProductDemand, ProductGrade]:
    """Return a trainee of an intake led, a demand, and the grade in Moodle on the assignment tied to it.

    Raises NotFound, Forbidden for another site's and for one's own, Conflict where Moodle holds no grade.
    """
    row = session.execute(
        select(Trainee, ProductDemand, ProductAssignment.cmid)
        .join(ProductAssignment, ProductAssignment.intake_id == Trainee.intake_id)
        .join(ProductDemand, ProductDemand.id == ProductAssignment.demand_id)
        .where(Trainee.id == trainee_id, ProductDemand.id == demand_id)
        .options(
            joinedload(Trainee.person),
            joinedload(Trainee.intake).joinedload(Intake.version).joinedload(ProgrammeVersion.programme),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("no_such_product", _l("There is no such product."))
    trainee, demand, cmid = row
    actor.require_site(trainee.intake.version.programme.site_id)
    require_not_own(trainee, actor)
    grade = session.get(ProductGrade, (trainee.id, cmid))
    if grade is None or grade.state is not GradeState.GRADED:
        raise Conflict(
            "no_grade_in_moodle",
            _l("Moodle held no grade of this trainee when the night read it."),
            remedy=_l("Grade the work in Moodle: the next night brings the grade."),
        )
    return trainee, demand, grade


def _product_for(session: Session, trainee: Trainee, demand: ProductDemand, *, actor: Actor, now: datetime) -> Product:
    known = session.scalar(select(Product.id).where(Product.trainee_id == trainee.id, Product.demand_id == demand.id))
    if known is None:
        made = Product(
            trainee_id=trainee.id,
            demand_id=demand.id,
            kind=demand.kind,
            lesson_kind=demand.lesson_kind,
            title=demand.title,
            state=ProductState.DRAFT,
            created_at=now,
        )
        saving.add(session, made, actor=actor, now=now, action="begin_product")
        known = made.id
    return product_of(session, known, locked=True)


def _moodle_version(session: Session, product: Product, submitted_at: datetime) -> ProductVersion:
    """Put a text that was handed in in Moodle before the one that is being prepared here, if there is one."""
    prepared = open_version(product)
    number = max((one.number for one in product.versions), default=0) + 1
    if prepared is not None:
        number, prepared.number = prepared.number, number
        session.flush()
    version = ProductVersion(number=number, source=Source.MOODLE, links=[], submitted_at=submitted_at)
    product.versions.append(version)
    session.flush()
    session.refresh(product, ["versions"])
    return version
