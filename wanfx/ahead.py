"""Work done ahead of who asks for it, in threads: in order, and never more of it than memory has room for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

WORKERS = 2
"""Units made at a time. Results do not depend on it; memory does."""
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def make_ahead(
    items: Iterable[_Item], make: Callable[[_Item], _Result], *, name: str, workers: int = WORKERS
) -> Iterator[_Result]:
    """What ``make`` makes of each item, in order, by ``workers`` threads.

    No more than one result a worker waits to be taken, so memory does not grow with the number of items. With one
    worker ``make`` is never called twice at a time.
    """
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix=f"wanfx-{name}") as pool:
        try:
            for item in items:
                waiting.append(pool.submit(make, item))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
