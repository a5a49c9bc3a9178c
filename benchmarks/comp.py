"""How near the comp is to a perfect one: the oracle benchmark, lock on and off, beside what people do today.

`--rendered` is what scripts/render_oracle/render.py made. The real pipeline runs on it with the actor's matte as the
artist's roto and the oracle as generator; its errors inside the matte go together with those outside by each of
`--correlation`. Comps are compared with the truth without grain, so regrain is off; see the modules _oracle*.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from _oracle import OracleGenerator, OracleSettings, window_of
from _oracle_baselines import Baseline, baseline_comps
from _oracle_comp import Comp, read_comp
from _oracle_measures import FrameScore, Regions, delta_e, perfect_comp, score_frame, summarize
from _oracle_shot import RenderedShot, prepare_shot
from _oracle_table import improvements, print_table
from _report import Figure, parse_arguments, report

from wanfx.backends.registry import add_generator
from wanfx.errors import OptionError, PromiseBrokenError
from wanfx.options import find_spec
from wanfx.session import RunRequest, run_shot
from wanfx.shot import load_shot

Array = npt.NDArray[np.float32]
_BASELINES: tuple[Baseline, ...] = ("8-bit", "8-bit, MKL")
# Switched off where the options are there: the truth has no grain.
_ALWAYS = {"generate.backend": "oracle", "grain.match": "off"}
_LOCK_OFF = {"match.lock": "off", "match.register": "off"}
_MORE: list[tuple[str, type, object, str]] = [
    ("rendered", str, "", "what scripts/render_oracle/render.py made"),
    ("correlation", str, "1,0.75,0.5,0.25,0", "of the errors inside the matte with those outside"),
    ("frames", int, 0, "frames from the first; 0: all that are rendered"),
    ("seed", int, OracleSettings.seed, "of the errors"),
    ("work", str, "", "where runs and their figures are kept; beside the rendered frames when not given"),
]


@dataclass(frozen=True)
class Way:
    """One way to make the comp."""

    name: str
    settings: OracleSettings
    flags: tuple[tuple[str, str], ...] = ()
    baseline: Baseline | None = None
    is_empty: bool = False


def main() -> None:
    """Every way to make the comp, each measured once and then remembered."""
    given = parse_arguments(__doc__ or "", more=_MORE)
    shot = RenderedShot.open(Path(given.rendered), frames=given.frames or None)
    work = Path(given.work or Path(given.rendered).with_name("oracle_work"))
    bench = _Bench(shot, work)
    correlations = [float(text) for text in given.correlation.split(",")]
    found = bench.measure_all(list(_ways(correlations, seed=given.seed)))
    print_table(found)
    gains = [Figure(name, value, unit) for name, value, unit in improvements(found, correlations)]
    every = [Figure(f"{name}: {what}", row[what], _unit(what)) for name, row in found.items() for what in row]
    report([Figure("frames", len(shot.frames), ""), *gains, *every], json_file=given.json)


def _ways(correlations: list[float], *, seed: int) -> Iterator[Way]:
    has_lock = bool(_known(_LOCK_OFF))
    floor, shared = replace(OracleSettings.floor(), seed=seed), OracleSettings(rho=1.0, seed=seed)
    yield Way("floor", floor)
    yield Way("empty room, floor", floor, is_empty=True)
    yield Way("empty room, rho 1", shared, is_empty=True)
    if has_lock:
        yield Way("floor, lock off", floor, tuple(_LOCK_OFF.items()))
        yield Way("empty room, rho 1, lock off", shared, tuple(_LOCK_OFF.items()), is_empty=True)
    for rho in correlations:
        settings = OracleSettings(rho=rho, seed=seed)
        yield Way(f"rho {rho:g}" + (", lock on" if has_lock else ""), settings)
        if has_lock:
            yield Way(f"rho {rho:g}, lock off", settings, tuple(_LOCK_OFF.items()))
        for kind in _BASELINES:
            yield Way(f"rho {rho:g}, {kind}", settings, baseline=kind)


def _known(flags: Mapping[str, str]) -> dict[str, str]:
    """Those of the options that this wanfx has."""
    there = {}
    for key, value in flags.items():
        try:
            there[key] = find_spec(key).parse(value)
        except OptionError:
            continue
    return there


def _run(request: RunRequest) -> Path:
    """The version's folder. A comp that breaks a promise (color, with the lock off) is measured too."""
    try:
        return run_shot(request).version.folder
    except PromiseBrokenError as error:
        print(f"a promise was broken: {str(error)[:160]}")
        return Path(str(error.path))


class _Bench:
    """Runs and measures ways, and remembers their figures by all that they depend on."""

    def __init__(self, shot: RenderedShot, work: Path) -> None:
        self._shot, self._work = shot, work
        self._sources = _hash_sources()

    def measure_all(self, ways: list[Way]) -> dict[str, dict[str, float]]:
        """The figures of every way by name. Baselines are made by a process of their own beside the pipeline."""
        with ProcessPoolExecutor(1) as pool:
            beside = {way.name: pool.submit(self.measure, way) for way in ways if way.baseline}
            found = {way.name: self.measure(way) for way in ways if not way.baseline}
            return {way.name: found[way.name] if way.name in found else beside[way.name].result() for way in ways}

    def measure(self, way: Way) -> dict[str, float]:
        """The way's figures."""
        file = self._work / "figures" / f"{self._key(way)}.json"
        if not file.exists():
            shot = replace(self._shot, is_empty=way.is_empty)
            scores = list(self._baseline(way) if way.baseline else self._pipeline(way, shot))
            figures = self._summarize(scores)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(figures))
            print(f"{way.name}: measured", flush=True)
        figures = json.loads(file.read_text())
        return dict(figures)

    def _summarize(self, scores: list[tuple[FrameScore, dict[str, float]]]) -> dict[str, float]:
        frames = self._shot.frames
        windows = [window_of(frame, first=frames.first) for frame in frames]
        figures = summarize([score for score, _more in scores], windows=windows)
        for name in scores[0][1]:
            values = [more[name] for _score, more in scores]
            figures[name] = float(np.nanmax(values) if "largest" in name else np.nanmean(values))
        return figures

    def _pipeline(self, way: Way, shot: RenderedShot) -> Iterator[tuple[FrameScore, dict[str, float]]]:
        work = self._work / ("empty_room" if shot.is_empty else "replaced")
        out = work / f"out_{len(shot.frames)}_{self._sources[:8]}"
        for old in set(work.glob("out_*")) - {out}:
            # Made by other code: the oracle's is in no unit's key.
            shutil.rmtree(old)
        add_generator("oracle", lambda: OracleGenerator(shot, way.settings))
        request = RunRequest(
            load_shot(prepare_shot(shot, work / "shot")), out, flags=_known({**_ALWAYS, **dict(way.flags)})
        )
        folder = _run(request)
        comps = {int(path.stem.rpartition(".")[2]): path for path in (folder / "comp").glob("*.exr")}
        for frame in shot.frames:
            comp = read_comp(comps[frame])
            yield _score(shot, frame, comp.rgb, comp)
        shutil.rmtree(folder)

    def _baseline(self, way: Way) -> Iterator[tuple[FrameScore, dict[str, float]]]:
        assert way.baseline is not None
        for frame, rgb in baseline_comps(self._shot, way.settings, way.baseline):
            yield _score(self._shot, frame, rgb, None)

    def _key(self, way: Way) -> str:
        said = [
            asdict(way), str(self._shot.frames), self._shot.facts["samples"], self._shot.facts["size"], self._sources,
            _known(_ALWAYS),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _score(shot: RenderedShot, frame: int, rgb: Array, comp: Comp | None) -> tuple[FrameScore, dict[str, float]]:
    regions = Regions.find(shot, frame)
    perfect = perfect_comp(shot, frame, regions=regions)
    plate = shot.plate(frame).astype(np.float32)
    kept = ~regions.edit if comp is None else ~comp.edited
    off = np.abs(rgb - plate).max(axis=2)
    more = {
        "kept pixels, largest error": float(off[kept].max()),
        "changed beyond what had to be, share": float((off[~regions.edit] > 0).mean()),
    }
    if comp is not None:
        more |= delta_e(comp.without_shadow(plate), perfect, {"shadow dropped, dE": regions.shadow})
    return score_frame(rgb, perfect, regions), more


def _hash_sources() -> str:
    """Of all code that figures depend on: a change of it measures anew."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("_oracle*.py"), *(here.parent / "wanfx").rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _unit(name: str) -> str:
    if "dB" in name:
        return "dB"
    return "CIEDE2000" if "dE" in name or "drift" in name else ""


if __name__ == "__main__":
    main()
