"""Connections to a server that wait in the pool: is this one still good when it is needed again?"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

TRUSTED_SECONDS = 30.0
"""How long after its last use a connection is not asked whether it is there."""


def check_before_use(engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Replace a pooled connection that was lost while it waited, and all that are as old, before anybody uses it.

    A server that ends a connection says so, or closes it: there is something to read, which shows here without asking.
    A connection that rested for longer is asked as well, since a firewall or a broken line may have cut it silently.
    Asking each time (``pool_pre_ping``) finds no more than that but the silent loss of half a minute, which can strike
    in the midst of a transaction just as well, and costs a way to the server and back. Times are in seconds.
    """

    @event.listens_for(engine, "checkin")
    def _rest(_connection: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def _check(connection: Any, record: Any, _proxy: Any) -> None:
        rests_since = record.info.get("rests_since")
        if rests_since is None:  # it has just been made: what is known of a connection ends with it
            return
        if monotonic() - rests_since < TRUSTED_SECONDS and not connection.closed and not _has_news(connection):
            return
        if not _answers(engine, connection):
            raise InvalidatePoolError


def _has_news(connection: Any) -> bool:
    """Tell whether the server has sent anything, or closed, since the last answer was read."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def _answers(engine: Engine, connection: Any) -> bool:
    try:
        return engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error:
        return False
