"""Keys: a hash of everything that a unit's result depends on.

Keys hash content, options and versions, and relative names; never absolute paths, times or machine names.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """``value`` as JSON with sorted keys and no spaces, the same text for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def make_key(*parts: Any) -> str:
    """The SHA-256 (hexadecimal) of ``parts``, which are plain JSON values.

    >>> make_key("a", 1) == make_key("a", 1), make_key("a", 1) == make_key("a", 2)
    (True, False)
    """
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
