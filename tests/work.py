"""What a call costs, counted rather than timed: the clock of a shared machine is no oracle."""

import sys
import tracemalloc
from collections.abc import Callable


def calls(run: Callable[[], object]) -> int:
    """Return how many functions, Python's and C's, ``run()`` calls."""
    count = 0

    def tick(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


def peak(run: Callable[[], object]) -> int:
    """Return the most bytes that ``run()`` holds at once, arrays included."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
