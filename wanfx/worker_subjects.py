"""What was clicked: each subject's points and boxes as they were made, and what undo and redo make of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wanfx.errors import InputError
from wanfx.frames import Box
from wanfx.names import slug
from wanfx.shot import BoxInput, PointInput, SubjectInput

Prompt = PointInput | BoxInput
Prompts = tuple[Prompt, ...]


@dataclass
class Subject:
    """A subject's prompts now, and those before each change (``past``) and after it was undone (``future``)."""

    told: SubjectInput
    prompts: Prompts = ()
    past: list[tuple[Prompts, int]] = field(default_factory=list)
    future: list[tuple[Prompts, int]] = field(default_factory=list)

    @classmethod
    def of(cls, told: SubjectInput, *, first_frame: int) -> Subject:
        """A subject of a shot file."""
        first = () if told.box is None else (BoxInput(told.box, first_frame if told.frame is None else told.frame),)
        points = (replace(point, frame=first_frame if point.frame is None else point.frame) for point in told.points)
        return cls(replace(told, box=None, frame=None, boxes=(), points=()), (*first, *told.boxes, *points))

    @property
    def name(self) -> str:
        return self.told.name

    @property
    def file_name(self) -> str:
        return slug(self.told.name)

    def change(self, prompts: Prompts, *, frame: int) -> None:
        """Set the prompts; ``frame`` is where they changed."""
        self.past.append((self.prompts, frame))
        self.future.clear()
        self.prompts = prompts

    def undo(self) -> int:
        """Take the last change back; the frame it was in. Raises InputError where there is none."""
        return self._swap(self.past, self.future, word="undo")

    def redo(self) -> int:
        """Make the change that was last taken back again; the frame it is in. Raises InputError where there is none."""
        return self._swap(self.future, self.past, word="redo")

    def _swap(self, source: list[tuple[Prompts, int]], target: list[tuple[Prompts, int]], *, word: str) -> int:
        if not source:
            raise InputError(f"there is nothing to {word}", key="subject", remedy=f"{self.name!r} has no such click")
        prompts, frame = source.pop()
        target.append((self.prompts, frame))
        self.prompts = prompts
        return frame

    def input(self, *, frame: int | None = None) -> SubjectInput:
        """As a shot file has it, or only what is of one frame. Of several boxes in a frame the last holds."""
        mine = [prompt for prompt in self.prompts if frame is None or prompt.frame == frame]
        boxes = {prompt.frame: prompt for prompt in mine if isinstance(prompt, BoxInput)}
        points = tuple(prompt for prompt in mine if isinstance(prompt, PointInput))
        return replace(self.told, boxes=tuple(boxes[at] for at in sorted(boxes)), points=points)


def is_on(subject: SubjectInput) -> bool:
    """Whether something was pointed at, not only pointed off."""
    return bool(subject.boxes) or any(point.on for point in subject.points)


def find_subject(subjects: dict[str, Subject], name: str) -> Subject:
    """The subject of this name. Raises InputError."""
    if name not in subjects:
        there = ", ".join(subjects) or "none yet"
        raise InputError(
            f"there is no subject {name!r}", key="subject", remedy=f"click on it first; there are: {there}"
        )
    return subjects[name]


def add_subject(subjects: dict[str, Subject], subject: Subject) -> None:
    """Add a subject. Raises InputError where its name is empty, or its files would have the name of another's."""
    if not subject.name.strip() or len(subject.file_name) > 100:
        raise InputError("is no name", key="subject", remedy="give the subject a short name")
    for other in subjects.values():
        if other.file_name.lower() == subject.file_name.lower():
            what = f"{subject.name!r} would have the files of {other.name!r}"
            raise InputError(what, key="subject", remedy="give every subject a name of its own")
    subjects[subject.name] = subject


def check_point(x: float, y: float, *, window: Box) -> None:
    """Raise InputError for a point that is not in the picture; ``window`` is the display window."""
    for key, value, most in (("x", x, window.width), ("y", y, window.height)):
        if not 0 <= value <= most:
            raise InputError(f"{value:g} is not within 0 to {most}", key=key, remedy="click in the picture")


def check_box(box: tuple[float, float, float, float], *, window: Box) -> None:
    """Raise InputError for a box that ends before it starts, lies outside the picture or reaches far out of it."""
    x0, y0, x1, y1 = box
    width, height = window.width, window.height
    if x1 <= x0 or y1 <= y0:
        raise InputError("ends before it starts", key="box", remedy="write it as [x0, y0, x1, y1]")
    is_near = -width <= x0 and x1 <= 2 * width and -height <= y0 and y1 <= 2 * height
    if not is_near or x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        raise InputError(f"is not in the picture, {width}x{height}", key="box", remedy="draw it around the subject")
