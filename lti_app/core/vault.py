"""Encryption at rest with ``DATA_KEYS``: the first key writes, every key reads."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class VaultError(Exception):
    """Say that no key in ``DATA_KEYS`` opens a stored secret."""


class Vault:
    """Encrypt and decrypt short secrets: tokens, private keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._first = Fernet(keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, secret: str) -> str:
        """Return ``secret`` encrypted, as ASCII text."""
        return self._fernet.encrypt(secret.encode()).decode("ascii")

    def is_under_first_key(self, sealed: str) -> bool:
        """Tell whether the key that writes now has written this."""
        try:
            self._first.decrypt(sealed.encode("ascii"))
        except InvalidToken:
            return False
        return True

    def open(self, sealed: str) -> str:
        """Return the secret. Raises VaultError where none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed.encode("ascii")).decode()
        except InvalidToken as error:
            raise VaultError("DATA_KEYS: none of the keys opens a stored secret; put the old key back, last") from error
