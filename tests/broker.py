"""A real Redis on a free port and real workers as processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.settings import Settings

BRIEF = "tests.brief_worker"
"""The tool's own workers, with shorter waits and smaller parts."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Start a Redis that keeps nothing; yield its address."""
    assert shutil.which("redis-server"), "install the package redis-server"
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(lambda: _listens(port), "Redis")
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(holds: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until ``holds``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        time.sleep(0.05)


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process finds them in its environment."""
    assert settings.broker_url is not None
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": settings.secret_key,
        "DATA_KEYS": " ".join(settings.data_keys),
        "PUBLIC_URL": settings.public_url,
        "DATABASE_URL": settings.database_url,
        "ATTACHMENTS_DIR": str(Path(tempfile.gettempdir()) / "ploshchadka-attachments"),
        "BROKER_URL": settings.broker_url,
        "SCHEDULE": settings.schedule,
    }


class Worker:
    """A worker with its pool, in a process group of its own."""

    def __init__(self, settings: Settings, log: Path, *, at_once: int = 1, app: str = BRIEF) -> None:
        command = [sys.executable, "-m", "celery", "--app", app, "worker", "--concurrency", str(at_once)]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=environment(settings), stdout=output, stderr=output, start_new_session=True
            )

    def kill(self) -> None:
        """End it and its pool at once, as a machine that loses its power does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Let it end what it does."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url
