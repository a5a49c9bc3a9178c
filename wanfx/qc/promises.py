"""The promises of a delivery, each held, broken or not applicable. None is ever left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["held", "broken", "not-applicable"]
ANCHOR = "plate-anchored-color"
NAMES = (
    "plate-integrity",
    "frame-lock",
    "scene-linear",
    "native-size",
    ANCHOR,
    "two-mattes",
    "nothing-lost",
    "provenance",
)
_FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Promise:
    """A promise and its evidence: what was looked at, or, where it is broken, what was found."""

    name: str
    state: State
    evidence: str

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "state": self.state, "evidence": self.evidence}


def judge(name: str, faults: Sequence[str], *, evidence: str) -> Promise:
    """Broken, with the first faults, where there are any; else held."""
    if not faults:
        return Promise(name, "held", evidence)
    more = len(faults) - _FAULTS_SHOWN
    shown = "; ".join(faults[:_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return Promise(name, "broken", shown)


def judge_shown(promise: Promise, *, is_whole: bool) -> Promise:
    """A promise about the plate that is shown: not applicable where the whole picture is new (`animate`), unless what
    was looked at is broken all the same.
    """
    if not is_whole or promise.state != "held":
        return promise
    return not_applicable(promise.name, f"the whole picture is new, no plate is shown; {promise.evidence}")


def not_applicable(name: str, why: str) -> Promise:
    return Promise(name, "not-applicable", why)
