"""What other rooms put on a trainee's page: a plan, products, further steps.

A source is a function that gets the session and whose page it is, and returns the slots it fills (credits/beside.py);
the page has a place for each slot and says nothing where it stays empty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from lti_app.core.errors import Text
from lti_app.credits.next_steps import Step


@dataclass(frozen=True)
class SlotState:
    """Say where something stands: a word with its icon (web/icons.py) and Bootstrap's tone."""

    word: Text
    icon: str
    tone: str


@dataclass(frozen=True)
class SlotRow:
    """Show one line of a plan, or one product."""

    title: str
    state: SlotState | None = None
    note: Text = ""
    """Small print: a form, a date, the leader's remark."""
    address: str = ""
    """Where it is opened; empty: nowhere."""


@dataclass(frozen=True)
class Slot:
    """Show a part of the page: the individual plan, or the products."""

    rows: tuple[SlotRow, ...] = ()
    state: SlotState | None = None
    """Where the whole stands: «agreed», «2 of 3 accepted»."""
    words: Text = ""
    """A sentence above the rows, or what will stand there while there are none."""


@dataclass(frozen=True)
class TraineeSlots:
    """Hold what rooms put on one trainee's page."""

    plan: Slot | None = None
    products: Slot | None = None
    steps: tuple[Step, ...] = ()
    """Steps for ``next_steps``: MEND_PRODUCT, AGREE_PLAN, RATE, HAND_IN, each with words and address."""


@dataclass(frozen=True)
class WhosePage:
    """Say whose page it is, of which intake, and when."""

    intake_id: int
    trainee_id: int
    person_id: int
    now: datetime
    zone: ZoneInfo
    has_hours: bool = False
    """The needed hours are attended."""


SlotSource = Callable[[Session, WhosePage], TraineeSlots]


def slots_of(session: Session, whose: WhosePage, sources: Sequence[SlotSource]) -> TraineeSlots:
    """Return what all ``sources`` put on the page; of two that fill the same slot, the first."""
    filled = [source(session, whose) for source in sources]
    return TraineeSlots(
        plan=next((one.plan for one in filled if one.plan), None),
        products=next((one.products for one in filled if one.products), None),
        steps=tuple(step for one in filled for step in one.steps),
    )
