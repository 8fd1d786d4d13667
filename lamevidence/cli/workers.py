"""Answers of a whole run made side by side in processes: one process answers a question, draws it and writes it."""

from __future__ import annotations

import functools
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING

from ..foundation.errors import QuestionError
from ..reports.answer import whole_answer
from .answer_files import Look, Written, write_answer

if TYPE_CHECKING:
    from ..workspace import Registry

__all__ = ["Workers"]


class Workers:
    """Processes that answer questions; nothing of an answer goes from one to another but what was written.

    Parameters
    ----------
    questions
        Ids, in the order in which they will be asked for.
    registry, studies
        The registry, and where it was read from.
    out, look
        Folder to write to, how to draw and show.
    """

    def __init__(
        self, questions: Sequence[str], registry: Registry, studies: Path | None, out: Path, look: Look
    ) -> None:
        self._pool = ProcessPoolExecutor(
            min(os.cpu_count() or 1, len(questions)), mp_context=get_context("spawn"), initializer=_end_with_the_run
        )
        self._made: dict[str, Future[Written]] = {
            question: self._pool.submit(_answer, question, studies, registry.sha256, out, look)
            for question in questions
        }

    def written(self, question: str) -> Written:
        """Wait for one answer and return what was written."""
        return self._made[question].result()

    def stop(self) -> None:
        """Begin nothing more; answers in the making are finished, for a file is written whole."""
        self._pool.shutdown(cancel_futures=True)


def _end_with_the_run() -> None:
    """Have this process end when the one that started it does, however that ended; leave Ctrl-C to that one."""
    run = parent_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if run is None:
        return

    def wait() -> None:
        run.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@functools.cache
def _registry(studies: Path | None) -> Registry:
    from ..workspace import load_registry

    return load_registry(studies)


def _answer(question: str, studies: Path | None, sha256: str, out: Path, look: Look) -> Written:
    registry = _registry(studies)
    if registry.sha256 != sha256:
        raise QuestionError(f"{registry.root} changed while the run read it · run again")
    return write_answer(whole_answer(registry, question), out, look)
