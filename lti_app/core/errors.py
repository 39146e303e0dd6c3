"""One way to fail: a code for machines, words for people, a status for the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_babel.speaklater import LazyString

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


class NotSignedIn(DomainError):
    """Say that the visit has to begin from Moodle."""

    status = 401
