"""The folder of attached files: bytes under random names, whole or not there at all; it knows of no table."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from pathlib import Path

MEGABYTE = 1024 * 1024
GRACE = timedelta(days=1)
"""Age from which a file without a row has no transaction any more that might still bring its row."""
KEPT_AFTER_REMOVAL = timedelta(days=30)
STORED = re.compile(r"[0-9a-f]{32}(\.part)?")
SWEPT = "last-sweep"


class AttachmentStore:
    """Own the folder. Files stand two folders deep (``ab/cd/abcd…``), so that none of them grows long."""

    def __init__(self, folder: Path, *, endings: tuple[str, ...], megabytes: int) -> None:
        self.folder = folder.absolute()
        self.endings = endings
        self.megabytes = megabytes

    @property
    def largest(self) -> int:
        """Return how many bytes a file may have."""
        return self.megabytes * MEGABYTE

    def path(self, stored_as: str) -> Path:
        """Return where a file stands. Raises ValueError for what is no name of the store's."""
        if not STORED.fullmatch(stored_as):
            raise ValueError("no name of a stored file")
        return self.folder / stored_as[:2] / stored_as[2:4] / stored_as

    def write(self, content: bytes) -> str:
        """Write a new file, on the disk when this returns; return its random name. Raises OSError."""
        name = secrets.token_hex(16)
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        part = path.with_name(f"{name}.part")
        with open(part, "xb", opener=_private) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(path)
        for folder in path.parents[:3]:
            _sync_folder(folder)
        return name

    def size(self, stored_as: str) -> int | None:
        """Return the bytes that a stored file has, or None where it is missing."""
        try:
            return self.path(stored_as).stat().st_size
        except (OSError, ValueError):
            return None

    def files_before(self, moment: datetime) -> Iterator[str]:
        """Yield the names of the store's files that were last written before ``moment``; other files aren't touched."""
        for path in self.folder.glob("??/??/*"):
            if STORED.fullmatch(path.name) and path.parent.name == path.name[2:4]:
                try:
                    is_older = path.stat().st_mtime < moment.timestamp()
                except FileNotFoundError:
                    continue  # another process sweeps as well
                if is_older:
                    yield path.name

    def remove(self, names: Collection[str]) -> None:
        """Remove files; one that is gone already is no matter."""
        for name in names:
            self.path(name).unlink(missing_ok=True)

    def is_sweep_due(self, now: datetime) -> bool:
        """Tell whether the last sweep is a day ago."""
        try:
            swept = datetime.fromisoformat((self.folder / SWEPT).read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return self.folder.is_dir()
        return swept <= now - GRACE

    def note_sweep(self, now: datetime) -> None:
        """Put down that a sweep was made."""
        (self.folder / SWEPT).write_text(f"{now.isoformat()}\n", encoding="ascii")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a loss of power, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
