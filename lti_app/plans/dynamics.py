"""The dynamics of trainees' results: how ratings changed from the start to the end (6.1). Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from lti_app.plans.models import RatingMoment, Side

HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Rating:
    """Hold one rating: whose, of what, when, by whom; ``value`` is the place on the scale, 0 the lowest."""

    trainee_id: int
    competence_id: int
    moment: RatingMoment
    side: Side
    value: int


@dataclass(frozen=True)
class Change:
    """Say how ratings changed, over the pairs of which both the start and the end are rated.

    ``start`` and ``end`` are averages over these pairs, to the hundredth; None without any pair.
    """

    pairs: int
    rated: int
    """Pairs of trainee and competence with at least one of both ratings: the whole of ``pairs``."""
    start: Decimal | None
    end: Decimal | None
    risen: int
    same: int
    fallen: int

    @property
    def change(self) -> Decimal | None:
        """Return by how much the average rose."""
        return None if self.start is None or self.end is None else self.end - self.start


@dataclass(frozen=True)
class Dynamics:
    """Say how one side's ratings changed: in all, by competence and by trainee; and how many trainees have both."""

    whole: Change
    by_competence: Mapping[int, Change] = field(hash=False)
    by_trainee: Mapping[int, Change] = field(hash=False)

    @property
    def trainees(self) -> int:
        """Return how many trainees have at least one competence rated at the start and at the end."""
        return sum(change.pairs > 0 for change in self.by_trainee.values())


def dynamics(ratings: Iterable[Rating], side: Side) -> Dynamics:
    """Return how the ratings of ``side`` changed from the start to the end (6.1). Order doesn't matter."""
    found: dict[tuple[int, int], dict[RatingMoment, int]] = {}
    for rating in ratings:
        if rating.side is side:
            found.setdefault((rating.trainee_id, rating.competence_id), {})[rating.moment] = rating.value
    competences = sorted({competence for _trainee, competence in found})
    trainees = sorted({trainee for trainee, _competence in found})
    return Dynamics(
        whole=_change(found.values()),
        by_competence={one: _change(both for key, both in found.items() if key[1] == one) for one in competences},
        by_trainee={one: _change(both for key, both in found.items() if key[0] == one) for one in trainees},
    )


def _change(rated: Iterable[Mapping[RatingMoment, int]]) -> Change:
    every = list(rated)
    pairs = [(both[RatingMoment.START], both[RatingMoment.END]) for both in every if len(both) == len(RatingMoment)]
    return Change(
        pairs=len(pairs),
        rated=len(every),
        start=_average([start for start, _end in pairs]),
        end=_average([end for _start, end in pairs]),
        risen=sum(end > start for start, end in pairs),
        same=sum(end == start for start, end in pairs),
        fallen=sum(end < start for start, end in pairs),
    )


def _average(values: list[int]) -> Decimal | None:
    if not values:
        return None
    return (Decimal(sum(values)) / len(values)).quantize(HUNDREDTH, ROUND_HALF_UP)
