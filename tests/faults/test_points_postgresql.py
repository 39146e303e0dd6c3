"""The same on PostgreSQL, for a share of the points that meets every kind of fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from moodle_sync.sandbox.faults import KINDS
from tests.faults.city import City
from tests.faults.counts import FURTHER_NIGHTS
from tests.faults.points import ON_POSTGRESQL, Point, strike


@pytest.mark.parametrize("point", ON_POSTGRESQL, ids=str)
def test_a_night_is_mended(
    point: Point, city_on_postgresql: City, record_property: Callable[[str, object], None]
) -> None:
    record_property(FURTHER_NIGHTS, [point.kind, point.operation, strike(city_on_postgresql, point)])


def test_every_kind_of_fault_is_among_them() -> None:
    assert {point.kind for point in ON_POSTGRESQL} == set(KINDS)
