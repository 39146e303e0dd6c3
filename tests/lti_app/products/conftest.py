"""A session, a world and a product in it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lti_app.core.db import Database
from tests.lti_app.products.made import Work, demand, store_in
from tests.lti_app.world import World


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.session() as session:
        yield session


@pytest.fixture
def world(session: Session) -> World:
    return World(session)


@pytest.fixture
def work(session: Session, world: World, tmp_path: Path) -> Work:
    return Work(session, world, world.trainee("Авторова"), demand(world).id, store=store_in(tmp_path))
