"""The parts of a comp frame by name: those of one subject, or of several, back to front.

Of one subject they have plain names (``clean``, ``matte_character``); of several each subject's end with its layer's
(``clean_anna``, ``matte_character_anna``), for each pass has its own. Standard library only.

>>> comp_parts(["actor"])[:4]
('rgba', 'char_actor', 'clean', 'shadow')
>>> comp_parts(["anna", "ben"])[1:5]
('char_anna', 'clean_anna', 'shadow_anna', 'char_ben')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CHECKS = ("check_ceiling", "check_confidence")
EDIT = "matte_edit"


@dataclass(frozen=True)
class SubjectParts:
    """The names of one subject's parts: its character and what stands behind, and its mattes."""

    layer: str
    char: str
    clean: str
    shadow: str
    subject: str
    character: str
    reveal: str

    @property
    def pictures(self) -> tuple[str, str, str]:
        return self.char, self.clean, self.shadow

    @property
    def mattes(self) -> tuple[str, str, str]:
        return self.subject, self.character, self.reveal


def subject_parts(layers: Sequence[str]) -> tuple[SubjectParts, ...]:
    """The parts of each subject, by their layers' names, back to front."""
    found = []
    for layer in layers:
        end = "" if len(layers) == 1 else f"_{layer}"
        names = (f"{name}{end}" for name in ("clean", "shadow", "matte_subject", "matte_character", "matte_reveal"))
        found.append(SubjectParts(layer, f"char_{layer}", *names))
    return tuple(found)


def parts_of(manifest: Mapping[str, Any]) -> tuple[SubjectParts, ...]:
    """The parts of a delivery's subjects."""
    return subject_parts([subject["layer"] for subject in manifest["subjects"]])


def comp_parts(layers: Sequence[str]) -> tuple[str, ...]:
    """All parts of a comp frame, in order."""
    subjects = subject_parts(layers)
    pictures = (name for one in subjects for name in one.pictures)
    mattes = (name for one in subjects for name in one.mattes)
    return ("rgba", *pictures, *mattes, EDIT, *CHECKS)
