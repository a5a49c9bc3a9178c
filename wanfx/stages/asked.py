"""What a shot asks of its generator, looked at before any work: what cannot be made, and what is better not asked."""

from __future__ import annotations

from collections.abc import Iterator

from wanfx.backends.registry import find_generator
from wanfx.errors import MissingError, OptionError
from wanfx.names import fill_template
from wanfx.options import Options
from wanfx.shot import Shot

_VIDEO_MODELS = {"replace": "wan-animate", "animate": "wan-animate", "background": "wan-vace"}
_VACE_REFERENCES = 3


def check_task(shot: Shot, options: Options) -> None:
    """Raise OptionError where the generator cannot make the task, or not so, or files cannot be named as asked;
    MissingError for another quality.
    """
    generator = find_generator(options)
    _check_name(shot, options.deliver.name, quality=generator.quality)
    if shot.task not in generator.tasks:
        raise OptionError(
            f"generator {generator.name} cannot make task {shot.task!r}, only {' and '.join(generator.tasks)}",
            key="generate.backend",
            remedy=f"set generate.backend=draft or generate.backend={_VIDEO_MODELS[shot.task]}, or choose another task",
        )  # fmt: skip
    quality = options.generate.quality
    if quality not in ("auto", generator.quality):
        raise MissingError(
            f"generator {generator.name} makes quality {generator.quality!r}, not {quality!r}",
            key="generate.quality",
            remedy=f"set generate.quality={generator.quality}",
        )
    if shot.task == "animate":
        _check_reference(options, is_driven=generator.is_driven)


def _check_name(shot: Shot, template: str, *, quality: str) -> None:
    # Version and colour space are not known yet; these are as long as most.
    fields = {
        "show": shot.show, "seq": shot.seq, "shot": shot.name, "task": shot.task, "version": "v001",
        "quality": quality, "colorspace": "ACEScg",
    }  # fmt: skip
    fill_template(template, fields=fields, key="deliver.name")


def _check_reference(options: Options, *, is_driven: bool) -> None:
    reference = options.condition.reference
    if reference in ("as-is", "onto-plate") or (is_driven and reference == "edit"):
        return
    what = "is for task replace: in animate its grey would be the background" if is_driven else "is for a video model"
    raise OptionError(
        f"{reference!r} {what}", key="condition.reference",
        remedy="set condition.reference=as-is, or onto-plate for the plate's background",
    )  # fmt: skip


def find_doubts(shot: Shot, options: Options) -> Iterator[str]:
    """What a model is asked that it was not trained for, in words for the user."""
    generator = find_generator(options)
    if options.wan.relight_lora is not None and (shot.task != "replace" or not generator.is_driven):
        yield (
            f"wan.relight_lora fits a character to the plate's light, in task replace by wan-animate; in task "
            f"{shot.task} by {generator.name} it was not trained to: leave it out"
        )
    given = shot.background
    if given is None or not generator.is_prompted:
        return
    count = len(given.references) + (given.path is not None)
    if count > _VACE_REFERENCES:
        yield (
            f"{count} reference pictures are given (background.path is one, where it is given): the model was trained"
            f" with {_VACE_REFERENCES} at most"
        )
    if not given.prompt.strip() and given.mode not in ("remove", "extend"):
        yield "background.prompt is empty: the model draws by words, so say what the finished picture shows"
