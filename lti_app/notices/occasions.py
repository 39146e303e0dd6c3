"""What people are told of: the words of an occasion, which features above bring and the factory joins."""

from __future__ import annotations

from dataclasses import dataclass

from lti_app.core.errors import Text


@dataclass(frozen=True)
class Occasion:
    """Hold the words of an occasion. Both texts may name facts of the notice as ``%(name)s``; the link follows them."""

    subject: Text
    text: Text
