"""Processes of the demonstration: started in order, ended together, nothing left running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import requests

START_SECONDS = 30
STOP_SECONDS = 5


class StageError(Exception):
    """Say in one line why the demonstration can't go on, and what to do."""


def require_free(port: int, variable: str) -> None:
    """Raise StageError where something listens on ``port`` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StageError(
                f"port {port} is in use; stop what listens there or choose another: make demo {variable}=…"
            ) from error


class Stage:
    """Own the child processes; on leaving the block every one of them is ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Start a child in a session of its own, so that Ctrl-C reaches it through us and in order."""
        with (self.folder / f"{name}.log").open("wb") as log:
            child = subprocess.Popen(  # noqa: S603 - our own commands
                [sys.executable, *command],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environ},
                start_new_session=True,
            )
        self._children.append((name, child))

    def wait_until_ready(self, name: str, url: str) -> None:
        """Wait until ``url`` answers 200. Raises StageError with the end of the log where it doesn't."""
        child = dict(self._children)[name]
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                break
            try:
                if requests.get(url, timeout=2).status_code == requests.codes.ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.05)
        tail = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:]
        raise StageError("\n".join([f"{name} did not start; its log ends with:", *tail]))

    def ended(self) -> str | None:
        """Return the name of a child that has ended by itself, or None."""
        return next((name for name, child in self._children if child.poll() is not None), None)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for _name, child in reversed(self._children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)  # gunicorn takes it as: at once
        for _name, child in self._children:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
