"""What plans, products and ratings put on a trainee's page and beside the leader's grid."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from lti_app.core.errors import Text
from lti_app.credits.grid import SideCell, SideColumn
from lti_app.credits.next_steps import Step, StepKind
from lti_app.credits.trainee_slots import Slot, SlotRow, SlotState, TraineeSlots, WhosePage
from lti_app.plans.models import Side
from lti_app.plans.overview import plan_card, plan_cards
from lti_app.plans.progress import CardState
from lti_app.plans.rating import asked_to_rate
from lti_app.plans.words import CARD_STATES
from lti_app.products.models import ProductState
from lti_app.products.overview import ProductCard, product_cards, products_of_intake
from lti_app.products.words import NOT_BEGUN, PRODUCT_STATES

AS_TRAINEE = "?as=trainee"
"""For who leads the intake's site as well."""


def plan_slot(session: Session, whose: WhosePage) -> TraineeSlots:
    """Return the individual plan: its state, what comes next, and whether this trainee is asked to agree (5.2)."""
    card = plan_card(session, whose.trainee_id, now=whose.now, zone=whose.zone)
    address = url_for("plans.own", intake_id=whose.intake_id)
    words: Text = ""
    if card.total:
        words = _l("%(done)s of %(total)s done", done=card.done, total=card.total)
    elif card.state is CardState.NONE:
        words = _l("You and the leader agree on your own dates and tasks here.")
    rows: tuple[SlotRow, ...] = ()
    if card.next_item is not None:
        rows = (SlotRow(card.next_item.point.title, note=_l("comes next in the plan")),)
    steps: tuple[Step, ...] = ()
    if card.asked is Side.TRAINEE:
        steps = (Step(StepKind.AGREE_PLAN, words=_l("Agree on your individual plan"), address=address),)
    slot = Slot(rows=rows, state=SlotState(*CARD_STATES[card.state]), words=words)
    return TraineeSlots(plan=slot, steps=steps)


def product_slot(session: Session, whose: WhosePage) -> TraineeSlots:
    """Return the products: where each stands, and what there is to mend or to hand in (5.1)."""
    whole = url_for("products.of_intake", intake_id=whose.intake_id) + AS_TRAINEE
    cards = product_cards(session, whose.trainee_id)
    rows, steps = [], []
    for card in cards:
        own = url_for("products.product", product_id=card.product_id) if card.product_id else ""
        address = own or whole
        rows.append(SlotRow(card.title, SlotState(*_state(card)), card.kind, own))
        if card.state is ProductState.RETURNED:
            words = _l("Mend the product: %(title)s", title=card.title)
            steps.append(Step(StepKind.MEND_PRODUCT, words=words, address=address))
        elif card.is_due:
            steps.append(
                Step(StepKind.HAND_IN, words=_l("Hand in the product: %(title)s", title=card.title), address=address)
            )
    words = "" if rows else _l("The programme asks for no product; one of your own choice can be handed in.")
    return TraineeSlots(products=Slot(rows=tuple(rows), words=words), steps=tuple(steps))


def rating_slot(session: Session, whose: WhosePage) -> TraineeSlots:
    """Return the step to rate one's own standing, while it is asked for (6.1)."""
    today = whose.now.astimezone(whose.zone).date()
    asked = asked_to_rate(session, whose.trainee_id, today=today, has_hours=whose.has_hours)
    if asked is None:
        return TraineeSlots()
    until = datetime.combine(asked.closes_on, time(23, 59), whose.zone)
    address = url_for("competences.index", intake_id=whose.intake_id) + AS_TRAINEE
    return TraineeSlots(steps=(Step(StepKind.RATE, words=_l("Rate your standing"), address=address, until=until),))


SOURCES = (plan_slot, product_slot, rating_slot)


def plan_column(session: Session, intake_id: int, *, now: datetime, zone: ZoneInfo) -> list[SideColumn]:
    """Return the column of individual plans, where there are any."""
    cards = plan_cards(session, intake_id, now=now, zone=zone)
    cells = {
        trainee_id: SideCell(*_shown(CARD_STATES[card.state]), address=url_for("plans.plan", trainee_id=trainee_id))
        for trainee_id, card in cards.items()
    }
    return [SideColumn(gettext("Individual plan"), cells)] if cells else []


def product_columns(session: Session, intake_id: int) -> list[SideColumn]:
    """Return a column for each product that the programme asks for."""
    products = products_of_intake(session, intake_id)
    columns = []
    for demand in products.demands:
        cells = {}
        for row in products.trainees:
            card = row.on(demand.id)
            if card is not None:
                address = url_for("products.product", product_id=card.product_id) if card.product_id else ""
                cells[row.trainee_id] = SideCell(*_shown(_state(card)), address=address)
        columns.append(SideColumn(demand.title, cells))
    return columns


def side_columns(session: Session, intake_id: int, *, now: datetime, zone: ZoneInfo) -> list[SideColumn]:
    """Return what stands beside the meetings in the leader's grid."""
    return [*plan_column(session, intake_id, now=now, zone=zone), *product_columns(session, intake_id)]


def _state(card: ProductCard) -> tuple[Text, str, str]:
    return NOT_BEGUN if card.state is None else PRODUCT_STATES[card.state]


def _shown(state: tuple[Text, str, str]) -> tuple[str, str, str]:
    return str(state[0]), state[1], state[2]
