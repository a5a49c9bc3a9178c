"""The oracle benchmark's table, and what its figures come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Found = Mapping[str, Mapping[str, float]]
_COLUMNS = (
    ("edit dE", "edit dE", "8.3f"), ("inside dE", "char dE", "8.3f"), ("cast, dE", "cast", "7.3f"),
    ("band dE", "band dE", "8.3f"),
    ("shadow dE", "shad dE", "8.3f"), ("shadow dropped, dE", "dropped", "8.3f"), ("whole PSNR, dB", "PSNR", "7.2f"),
    ("edit PSNR, dB", "edit", "7.2f"), ("band PSNR, dB", "band", "7.2f"), ("whole SSIM", "SSIM", "7.4f"),
    ("edit SSIM", "edit", "7.4f"), ("band SSIM", "band", "7.4f"), ("flicker, dE", "flicker", "8.3f"),
    ("jump between windows, dE", "jump", "7.3f"),
    ("drift, dE a window", "drift", "7.3f"), ("drift, 95 % low", "low", "7.3f"), ("drift, 95 % high", "high", "7.3f"),
    ("kept pixels, largest error", "kept", "8.4g"),
)  # fmt: skip


def print_table(found: Found) -> None:
    """A row for each way to make the comp."""
    width = max(map(len, found))
    heads = [(key, title, int(form.split(".")[0])) for key, title, form in _COLUMNS]
    print(" " * width, *(f"{title:>{size}}" for _key, title, size in heads))
    for name, row in found.items():
        cells = (
            f"{row[key]:{form}}" if key in row else f"{'':>{form.split('.')[0]}}" for key, _title, form in _COLUMNS
        )
        print(f"{name:<{width}}", *cells)


def improvements(found: Found, correlations: Sequence[float]) -> Iterator[tuple[str, float, str]]:
    """Name, value and unit of what the figures come to: what the lock removes, and the comp beside the baselines."""
    floor = found["floor"]
    for name, row in found.items():
        if _DROPPED in row:
            yield (
                f"{name}: shadow layer takes off the error of the shadow's region",
                1 - row["shadow dE"] / row[_DROPPED],
                "",
            )
    for rho in correlations:
        name = f"rho {rho:g}"
        on = found.get(f"{name}, lock on", found.get(name))
        off, plain, mkl = (found.get(f"{name}, {kind}") for kind in ("lock off", "8-bit", "8-bit, MKL"))
        assert on is not None
        if off is not None:
            for what in ("edit dE", "inside dE", "cast, dE", "flicker, dE", "jump between windows, dE"):
                injected = off[what] - floor[what]
                yield f"{name}: lock removes of {what} above the floor", 1 - (on[what] - floor[what]) / injected, ""
        yield f"{name}: drift's 95 % interval reaches", max(map(abs, _interval(on))), "dE a window"
        for kind, other in (("8-bit", plain), ("8-bit, MKL", mkl)):
            if other is not None:
                yield f"{name}: band dE over that of {kind}", on["band dE"] / other["band dE"], ""
                yield f"{name}: edit PSNR above {kind}", on["edit PSNR, dB"] - other["edit PSNR, dB"], "dB"


_DROPPED = "shadow dropped, dE"


def _interval(row: Mapping[str, float]) -> tuple[float, float]:
    return row["drift, 95 % low"], row["drift, 95 % high"]
