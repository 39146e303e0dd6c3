"""What the line at the top leads to: each feature names its first pages and who may open them."""

from __future__ import annotations

from dataclasses import dataclass

from lti_app.core.errors import Text
from lti_app.core.permissions import Actor, Permission


@dataclass(frozen=True)
class NavItem:
    """Name a first page: endpoint, words, icon, and the permission that it needs; ``place`` orders them.

    ``for_known``: shown only to those of whom it is known who they are; ``unless``: not to who holds this permission.
    """

    endpoint: str
    words: Text
    icon: str
    permission: Permission
    place: int = 50
    for_known: bool = False
    unless: Permission | None = None

    def is_for(self, actor: Actor) -> bool:
        """Tell whether the line leads ``actor`` there."""
        if self.unless is not None and actor.may(self.unless):
            return False
        return actor.may(self.permission) and (actor.person_id is not None or not self.for_known)
