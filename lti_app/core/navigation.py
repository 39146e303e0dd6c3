"""What the line at the top leads to: each feature names its first pages and who may open them."""

from __future__ import annotations

from dataclasses import dataclass

from lti_app.core.errors import Text
from lti_app.core.permissions import Permission


@dataclass(frozen=True)
class NavItem:
    """Name a first page: endpoint, words, icon, and the permission that it needs; ``place`` orders them.

    ``for_known``: shown only to those of whom it is known who they are.
    """

    endpoint: str
    words: Text
    icon: str
    permission: Permission
    place: int = 50
    for_known: bool = False
