"""What people are told of: the words of an occasion, which features above bring and the factory joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lti_app.core.errors import Text
from lti_app.notices.models import Notice


@dataclass(frozen=True)
class Occasion:
    """Hold the words of an occasion. Both texts may name facts of the notice as ``%(name)s``; the link follows them.

    ``holds`` tells, just before delivery, whether what a notice says is still so; without it, it always is.
    """

    subject: Text
    text: Text
    holds: Callable[[Session, Notice], bool] | None = None
