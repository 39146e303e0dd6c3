"""A site with a BigBlueButton server, and whoever meets there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lti_app.core.db import Database
from lti_app.core.vault import Vault
from lti_app.meetings.models import Meeting, RoomKind
from lti_app.meetings.room_models import RoomServer
from lti_app.meetings.rooms.provider import RoomsOffice
from tests.conftest import DATA_KEY
from tests.lti_app.meetings.bbb_server import SECRET, BigBlueButton, bigbluebutton
from tests.lti_app.world import NOW, World


@pytest.fixture
def bbb() -> Iterator[BigBlueButton]:
    """Serve a small BigBlueButton."""
    with bigbluebutton() as rooms:
        yield rooms


@pytest.fixture
def office() -> RoomsOffice:
    """Make rooms with the keys of the application under test (tests/conftest.py)."""
    return RoomsOffice(Vault((DATA_KEY,)), "s" * 40, "http://localhost:8700")


@pytest.fixture
def world(database: Database) -> World:
    """One site; its rows go with the session of the test that asks."""
    with database.transaction() as session:
        return World(session)


def on_server(world: World, bbb: BigBlueButton, meeting: Meeting) -> Meeting:
    """Put a meeting's room on the server, which is stored first if it isn't yet."""
    if world.session.query(RoomServer).count() == 0:
        sealed = Vault((DATA_KEY,)).seal(SECRET)
        world.session.add(RoomServer(name="bbb", url=bbb.url, secret_encrypted=sealed, created_at=NOW))
    meeting.room_kind, meeting.room_url = RoomKind.BIGBLUEBUTTON, bbb.url
    world.session.flush()
    return meeting
