"""Work that nobody waits for: one thread per process, each kind of job queued at most once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

from lti_app.core.errors import DomainError, described

log = logging.getLogger(__name__)


class Jobs:
    """Run jobs after the answer was sent. Whatever a job does must be safe to repeat: a process may die before it."""

    def __init__(self, context: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        """``context`` is entered around each job: the application's, so that texts find their language."""
        self._context = context
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._waiting: set[str] = set()

    def submit(self, name: str, work: Callable[[], object]) -> None:
        """Queue ``work`` unless a job called ``name`` waits already; one that runs doesn't count as waiting."""
        with self._lock:
            if name in self._waiting:
                return
            self._waiting.add(name)
            if self._executor is None:  # made on first use, so that forked workers have threads of their own
                self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="job")
            future = self._executor.submit(self._run, name, work)
        future.add_done_callback(_log_failure)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.discard(name)
        with self._context():
            work()

    def drain(self) -> None:
        """Wait until every queued job has ended (tests, shutdown)."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True)


def _log_failure(future: Future[None]) -> None:
    error = future.exception()
    if isinstance(error, DomainError):
        log.warning("a job was refused: %s", error.code)
    elif error is not None:
        log.error("a job failed\n%s", described(error))
