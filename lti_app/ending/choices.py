"""What is chosen at the end of a site (8.1): grounds, papers, and what happens to each intake and each trainee."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from lti_app.intakes.models import IntakeOutcome, TraineeOutcome
from lti_app.sites.models import EndGrounds


@dataclass(frozen=True)
class IntakeChoice:
    """Say what happens to an intake under way, and to each of its trainees (by trainee id)."""

    outcome: IntakeOutcome
    moved_to_id: int | None = None
    trainees: Mapping[int, TraineeOutcome] = field(default_factory=dict)


@dataclass(frozen=True)
class EndFacts:
    """Hold what ends a site: grounds and papers (8.1), the first day without it, a choice for each intake under way.

    ``item_id`` names the council's recommendation; the number and date of its protocol are taken from there.
    ``forgoes_unconfirmed``: hours of meetings without the leader's word are knowingly given up.
    """

    grounds: EndGrounds
    ends_on: date
    order_number: str
    order_date: date
    reason: str
    paper_number: str = ""
    paper_date: date | None = None
    item_id: int | None = None
    choices: Mapping[int, IntakeChoice] = field(default_factory=dict)
    forgoes_unconfirmed: bool = False
