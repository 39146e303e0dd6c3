"""One way to fail: a code for machines, words for people, a status for the answer."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from flask_babel.speaklater import LazyString
from sqlalchemy.exc import DBAPIError

FRAMES_KEPT = 40

if TYPE_CHECKING:
    Text = str
else:
    Text = str | LazyString


class DomainError(Exception):
    """Refuse what the rules don't allow.

    ``code`` is stable and in English; ``message`` says what is wrong, ``remedy`` what to do, both translated;
    ``field`` names the form field or column at fault, if one is; ``clause`` the clause of the regulation.
    """

    status = 422

    def __init__(
        self, code: str, message: Text, *, remedy: Text = "", field: str | None = None, clause: str | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.field = field
        self.clause = clause


class NotFound(DomainError):
    """Say that there is no such thing, or that it is not this person's to know."""

    status = 404


class Forbidden(DomainError):
    """Say who may do what this person may not."""

    status = 403


class Conflict(DomainError):
    """Say that the state has changed meanwhile, so that the action no longer fits."""

    status = 409


class Unavailable(DomainError):
    """Say that a part of the installation does not answer, so that nothing was begun."""

    status = 503


class NotSignedIn(DomainError):
    """Say that the visit has to begin from Moodle."""

    status = 401


def described(error: BaseException | None) -> str:
    """Describe an exception and what led to it: types and frames, without messages, which can quote personal data."""
    parts: list[str] = []
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__)[-FRAMES_KEPT:])
        parts.append(f"{frames}{named(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by\n".join(parts)


def named(error: BaseException) -> str:
    """Name an exception by its type; a database's with its first line, which core.db keeps free of values."""
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, DBAPIError):
        return f"{name}: {str(error.orig).partition(chr(10))[0]}"
    return name


def stop_start(line: str) -> NoReturn:
    """End the start of the process with one line: what this installation is given, it can't work with."""
    sys.stderr.write(f"{line}\n")
    sys.exit(os.EX_CONFIG)
