"""What the edge keeps per process: look-ups, caches and connections. No personal data lives here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy.orm import Session

from lti_app.core.clock import system_clock
from lti_app.core.edge import Tool, tool
from lti_app.lti.http import BoundedSession
from lti_app.lti.keys import signing_key
from lti_app.lti.keysets import KeySets
from lti_app.lti.links import LinkMemory
from lti_app.lti.models import LtiRegistration
from lti_app.lti.nonces import NonceSweeper
from lti_app.lti.platform import AccessTokens, PlatformConnector, ToolRegistration
from lti_app.lti.registrations import Registrations
from lti_app.lti.state import StateSigner


@dataclass(frozen=True)
class LtiParts:
    """Hold the parts of one application's edge; all of them are safe to share between threads."""

    http: BoundedSession
    registrations: Registrations
    key_sets: KeySets
    signer: StateSigner
    access_tokens: AccessTokens
    nonces: NonceSweeper
    links: LinkMemory


def install_parts(joined: Tool) -> None:
    """Put the edge's parts into the tool."""
    http = BoundedSession()
    joined.services["lti"] = LtiParts(
        http=http,
        registrations=Registrations(joined.database),
        key_sets=KeySets(http),
        signer=StateSigner(joined.settings.secret_key),
        access_tokens=AccessTokens(),
        nonces=NonceSweeper(joined.database),
        links=LinkMemory(),
    )


def parts() -> LtiParts:
    """Return the edge's parts of the application at hand."""
    return cast(LtiParts, tool().services["lti"])


def connect(session: Session, registration: LtiRegistration) -> PlatformConnector:
    """Return a connector for ``registration``, signing with the tool's present key. Raises NoKey where there is none.

    Moodle compares the assertion's times with its own clock, so the system's clock counts here.
    """
    kid, private_key = signing_key(session, tool().vault, system_clock())
    own = ToolRegistration(kid, private_key)
    own.set_issuer(registration.issuer).set_client_id(registration.client_id)
    own.set_auth_token_url(registration.auth_token_url)
    here = parts()
    return PlatformConnector(own, here.http, here.access_tokens, registration_id=registration.id)
