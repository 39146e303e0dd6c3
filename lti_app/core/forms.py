"""After a form: on to another page, or the form again with what was typed, if it was refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from flask import Response, g, make_response, redirect

from lti_app.core.errors import DomainError

SEE_OTHER = 303
FormAgain = Callable[[DomainError], str]


def keep_form(show: FormAgain) -> None:
    """Show the page again by ``show`` if this request is refused from here on; it gets the refusal."""
    g.form_again = show


def form_again() -> FormAgain | None:
    """Return how to show the refused form again, or None where there is no form."""
    return cast("FormAgain | None", g.pop("form_again", None))


def see_other(address: str) -> Response:
    """Send the browser on to another page, by GET (RFC 9110, 15.4.4)."""
    return make_response(redirect(address, SEE_OTHER))
