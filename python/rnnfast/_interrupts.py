"""Ctrl-C at moments when nothing is half done."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """Let Ctrl-C wait until the block has ended, so that it is done as a whole or not begun.

    Only the main thread is interrupted by signals; elsewhere there is nothing to do.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:  # None: not Python's
        yield
        return
    came: list[object] = []
    signal.signal(signal.SIGINT, lambda *of_signal: came.append(of_signal))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came:
            signal.raise_signal(signal.SIGINT)
