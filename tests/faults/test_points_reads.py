"""A fault that strikes a night reading leaves nothing that two further nights don't mend: no double, nobody lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.city import City
from tests.faults.counts import FURTHER_NIGHTS
from tests.faults.points import ON_POSTGRESQL, POINTS, READS, Point, strike

MINE = [point for point in POINTS if point.operation in READS and point not in ON_POSTGRESQL]


@pytest.mark.parametrize("point", MINE, ids=str)
def test_a_night_is_mended(point: Point, city: City, record_property: Callable[[str, object], None]) -> None:
    record_property(FURTHER_NIGHTS, [point.kind, point.operation, strike(city, point)])
