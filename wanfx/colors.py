"""Colour for the stages: wanfx_color with wanfx's own errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from wanfx.errors import ColorSpaceError
from wanfx_color.exceptions import ColorError


@contextlib.contextmanager
def color_errors(*, key: str | None = None, path: str | None = None) -> Iterator[None]:
    """Turn wanfx_color's errors into ColorSpaceError, saying which key or file they are about."""
    try:
        yield
    except ColorError as error:
        raise ColorSpaceError(str(error), key=key, path=path, remedy=error.remedy) from error
