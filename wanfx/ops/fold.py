"""Windows of a video model: how many a shot needs, and which frames stand in beyond its end."""

from __future__ import annotations


def fold_index(index: int, *, count: int) -> int:
    """The frame that stands at ``index`` where a shot of ``count`` frames runs back and forth without end.

    >>> [fold_index(index, count=4) for index in range(9)]
    [0, 1, 2, 3, 2, 1, 0, 1, 2]
    >>> fold_index(7, count=1)
    0
    """
    if count == 1:
        return 0
    place = index % (2 * (count - 1))
    return min(place, 2 * (count - 1) - place)


def count_windows(count: int, *, window_frames: int, carried_frames: int) -> int:
    """Windows that a shot of ``count`` frames needs where each but the first starts with ``carried_frames`` known ones.

    >>> [count_windows(count, window_frames=77, carried_frames=1) for count in (1, 77, 78, 153, 154)]
    [1, 1, 2, 2, 3]
    """
    new = window_frames - carried_frames
    return max(1, -(-(count - carried_frames) // new))
