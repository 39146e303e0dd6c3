"""How things stand with products: of one trainee, of an intake, of all sites led. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from lti_app.core.errors import Text
from lti_app.core.paging import PAGE_SIZE, Page, page_number
from lti_app.core.permissions import Actor, Permission
from lti_app.intakes.models import Intake, Trainee, TraineeState
from lti_app.people.models import Organisation, Person
from lti_app.products.models import (
    GradeState,
    Product,
    ProductAssignment,
    ProductGrade,
    ProductState,
    ProductVersion,
)
from lti_app.programmes.demands import kind_words
from lti_app.programmes.models import ProductDemand, Programme, ProgrammeVersion


@dataclass(frozen=True)
class MoodleWork:
    """Say what Moodle holds of a trainee's work on the assignment that stands for a product, as last read."""

    state: GradeState
    grade: float | None
    grade_max: float | None
    read_at: datetime


@dataclass(frozen=True)
class ProductCard:
    """Show where one trainee stands with one product: on a demand, or of their own choice (no ``demand_id``).

    Without ``product_id`` it isn't begun here; then ``state`` is None. ``assignment`` names the assignment of the
    Moodle course in which it may be handed in as well, ``cmid`` is its id there.
    """

    demand_id: int | None
    product_id: int | None
    title: str
    kind: Text
    is_required: bool
    state: ProductState | None
    handed_in_at: datetime | None = None
    assignment: str | None = None
    cmid: int | None = None
    work: MoodleWork | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether it is accepted."""
        return self.state is ProductState.ACCEPTED

    @property
    def is_due(self) -> bool:
        """Tell whether the programme asks for it and nothing is handed in: neither here nor, as far as known, there."""
        is_there = self.work is not None and self.work.state is not GradeState.NOTHING
        open_states = (None, ProductState.DRAFT, ProductState.WITHDRAWN)
        return self.is_required and self.state in open_states and not is_there

    @property
    def is_graded_only(self) -> bool:
        """Tell whether the leader may accept it on its grade in Moodle: nothing waits here, and it isn't accepted."""
        is_graded = self.work is not None and self.work.state is GradeState.GRADED
        return is_graded and self.state not in (ProductState.SUBMITTED, ProductState.ACCEPTED)

    @property
    def waits_for_leader(self) -> bool:
        """Tell whether the leader has to look at it: handed in here, or graded in Moodle and not accepted yet."""
        return self.state is ProductState.SUBMITTED or self.is_graded_only


@dataclass(frozen=True)
class TraineeProducts:
    """Show a trainee's products, those of the demands first, in their order."""

    trainee_id: int
    person_id: int
    name: str
    organisation: str | None
    cards: tuple[ProductCard, ...]
    has_left: bool = False

    def on(self, demand_id: int) -> ProductCard | None:
        """Return the card of a demand."""
        return next((card for card in self.cards if card.demand_id == demand_id), None)

    @property
    def own_choice(self) -> tuple[ProductCard, ...]:
        """Return the cards of products that no demand asks for."""
        return tuple(card for card in self.cards if card.demand_id is None)


@dataclass(frozen=True)
class IntakeProducts:
    """Show the products of an intake: what is asked for, and a row for each trainee, by name."""

    intake_id: int
    demands: tuple[ProductDemand, ...]
    trainees: tuple[TraineeProducts, ...]

    @property
    def waiting(self) -> int:
        """Return how many products wait for the leader."""
        return sum(card.waits_for_leader for row in self.trainees for card in row.cards)


def product_cards(session: Session, trainee_id: int) -> tuple[ProductCard, ...]:
    """Return a trainee's products, those that the programme asks for first. Four queries."""
    intake_id = session.scalar(select(Trainee.intake_id).where(Trainee.id == trainee_id))
    if intake_id is None:
        return ()
    known = _Known(session, intake_id, trainee_id)
    return known.cards_of(trainee_id)


def products_of_intake(session: Session, intake_id: int) -> IntakeProducts:
    """Return the products of all trainees of an intake, by name. Four queries, whatever their number.

    Those who left are there where they have handed something in.
    """
    known = _Known(session, intake_id, None)
    rows = session.execute(
        select(Trainee, Person, Organisation)
        .join(Person, Person.id == Trainee.person_id)
        .outerjoin(Organisation, Organisation.id == Person.organisation_id)
        .where(Trainee.intake_id == intake_id)
        .order_by(Person.last_name, Person.first_name, Person.id)
    )
    trainees = [
        TraineeProducts(
            trainee_id=trainee.id,
            person_id=person.id,
            name=person.full_name,
            organisation=organisation.label if organisation else None,
            cards=known.cards_of(trainee.id),
            has_left=trainee.state is TraineeState.LEFT,
        )
        for trainee, person, organisation in rows
        if trainee.state is TraineeState.ENROLLED or trainee.id in known.products
    ]
    return IntakeProducts(intake_id, tuple(known.demands), tuple(trainees))


@dataclass
class _Known:
    """Read demands with their assignments, products, and Moodle's word: of one trainee, or of all of an intake."""

    session: Session
    intake_id: int
    trainee_id: int | None
    demands: list[ProductDemand] = field(init=False, default_factory=list)
    ties: dict[int, ProductAssignment] = field(init=False, default_factory=dict)
    products: dict[int, list[tuple[Product, datetime | None]]] = field(init=False)
    work: dict[tuple[int, int], ProductGrade] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        for demand, tie in self.session.execute(
            select(ProductDemand, ProductAssignment)
            .join(Intake, Intake.version_id == ProductDemand.version_id)
            .outerjoin(
                ProductAssignment,
                (ProductAssignment.demand_id == ProductDemand.id) & (ProductAssignment.intake_id == Intake.id),
            )
            .where(Intake.id == self.intake_id)
            .order_by(ProductDemand.position)
        ):
            self.demands.append(demand)
            if tie is not None:
                self.ties[demand.id] = tie
        self.products = defaultdict(list)
        handed_in_at = (
            select(func.max(ProductVersion.submitted_at))
            .where(ProductVersion.product_id == Product.id)
            .correlate(Product)
            .scalar_subquery()
        )
        rows = (
            select(Product, handed_in_at)
            .join(Trainee, Trainee.id == Product.trainee_id)
            .where(self._of_trainees())
            .order_by(Product.id)
        )
        for product, moment in self.session.execute(rows):
            self.products[product.trainee_id].append((product, moment))
        if self.ties:
            cmids = {tie.cmid for tie in self.ties.values()}
            grades = (
                select(ProductGrade)
                .join(Trainee, Trainee.id == ProductGrade.trainee_id)
                .where(self._of_trainees(), ProductGrade.cmid.in_(cmids))
            )
            for grade in self.session.scalars(grades):
                self.work[grade.trainee_id, grade.cmid] = grade

    def _of_trainees(self) -> ColumnElement[bool]:
        if self.trainee_id is not None:
            return Trainee.id == self.trainee_id
        return Trainee.intake_id == self.intake_id

    def cards_of(self, trainee_id: int) -> tuple[ProductCard, ...]:
        """Return the cards of one trainee."""
        own = self.products.get(trainee_id, [])
        by_demand = {product.demand_id: (product, moment) for product, moment in own}
        asked = [self._on_demand(trainee_id, demand, by_demand.get(demand.id)) for demand in self.demands]
        chosen = [_of_own_choice(product, moment) for product, moment in own if product.demand_id is None]
        return (*asked, *chosen)

    def _on_demand(
        self, trainee_id: int, demand: ProductDemand, found: tuple[Product, datetime | None] | None
    ) -> ProductCard:
        tie = self.ties.get(demand.id)
        grade = self.work.get((trainee_id, tie.cmid)) if tie is not None else None
        product, moment = found if found is not None else (None, None)
        return ProductCard(
            demand_id=demand.id,
            product_id=product.id if product is not None else None,
            title=product.title if product is not None else demand.title,
            kind=kind_words(demand.kind, product.lesson_kind if product is not None else demand.lesson_kind),
            is_required=demand.is_required,
            state=product.state if product is not None else None,
            handed_in_at=moment,
            assignment=tie.name if tie is not None else None,
            cmid=tie.cmid if tie is not None else None,
            work=MoodleWork(grade.state, grade.grade, grade.grade_max, grade.read_at) if grade is not None else None,
        )


def _of_own_choice(product: Product, moment: datetime | None) -> ProductCard:
    return ProductCard(
        demand_id=None,
        product_id=product.id,
        title=product.title,
        kind=kind_words(product.kind, product.lesson_kind),
        is_required=False,
        state=product.state,
        handed_in_at=moment,
    )


@dataclass(frozen=True)
class Waiting:
    """Show a product that waits for the leader's answer."""

    product_id: int
    title: str
    kind: Text
    name: str
    programme: str
    intake_id: int
    handed_in_at: datetime | None


def waiting_of(session: Session, asked: int | None, *, actor: Actor) -> Page[Waiting]:
    """Return a page of what waits for the leader's answer across the sites led, the longest first. Two queries."""
    actor.require(Permission.RUN_INTAKES)
    of_sites = (
        select(Product.id)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(Programme, Programme.id == ProgrammeVersion.programme_id)
        .where(
            Product.state == ProductState.SUBMITTED,
            Programme.site_id.in_(actor.led_site_ids),
            Trainee.person_id != (actor.person_id or 0),
        )
    )
    total = session.scalar(select(func.count()).select_from(of_sites.subquery())) or 0
    number = page_number(asked, total)
    return Page(_waiting_rows(session, of_sites, number), number, total)


def _waiting_rows(session: Session, of_sites: Select[int], number: int) -> Sequence[Waiting]:
    since = func.max(ProductVersion.submitted_at)
    rows = session.execute(
        select(Product, Person, ProgrammeVersion.title, Intake.id, since)
        .join(Trainee, Trainee.id == Product.trainee_id)
        .join(Person, Person.id == Trainee.person_id)
        .join(Intake, Intake.id == Trainee.intake_id)
        .join(ProgrammeVersion, ProgrammeVersion.id == Intake.version_id)
        .join(ProductVersion, ProductVersion.product_id == Product.id)
        .where(Product.id.in_(of_sites))
        .group_by(Product.id, Person.id, ProgrammeVersion.id, Intake.id)
        .order_by(since, Product.id)
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    )
    return [
        Waiting(
            product_id=product.id,
            title=product.title,
            kind=kind_words(product.kind, product.lesson_kind),
            name=person.full_name,
            programme=programme,
            intake_id=intake_id,
            handed_in_at=moment,
        )
        for product, person, programme, intake_id, moment in rows
    ]
