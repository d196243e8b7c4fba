#!/usr/bin/env python3
"""Holds `yiping bench heat` against pykrige and scipy: the same points, the same model, one run, in turns.

    python3 -m venv ~/.cache/yiping/peers/heat && ~/.cache/yiping/peers/heat/bin/pip install scipy==1.17.1 pykrige==1.7.3
    ~/.cache/yiping/peers/heat/bin/python benches/peers/heat/compare.py --yiping PROGRAM [--runs 3]

Fails (exit 1) when a field differs by more than is allowed; times are printed, never judged.
Allowed: kriging at single places 1e-6 of the readings' range (the same neighbours, so the same system); the field, whose cells share their block's
neighbours, 0.1 % of the range in the root mean square and 2 % anywhere, and from kriging of all sensors at once no farther than pykrige's own
neighbours are, by a hundredth; inverse distance 0.01 % of the range in all but one cell of 10,000, where the twelfth and thirteenth neighbour
stand equally far.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# One core for all of them: numpy's and scipy's own threads would be another comparison.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
import numpy as np  # noqa: E402
import pykrige  # noqa: E402
import scipy  # noqa: E402
from pykrige.ok import OrdinaryKriging  # noqa: E402
from scipy.spatial import cKDTree  # noqa: E402


def axis(city_m, cells):
    return (np.arange(cells) + 0.5) * (city_m / cells)


def kriging(model, points, xs, ys, style):
    """pykrige's own words: its range is ours for spherical and exponential; its gaussian reaches (4/7 range)."""
    reach = model["range_m"] * (7 / 4 / np.sqrt(3) if model["family"] == "gaussian" else 1.0)
    parameters = {"psill": model["partial_sill"], "range": reach, "nugget": model["nugget"]}
    ok = OrdinaryKriging(*points.T, variogram_model=model["family"], variogram_parameters=parameters)
    if style == "all sensors":
        return ok.execute("grid", xs, ys, backend="vectorized")
    return ok.execute(style, xs, ys, backend="C", n_closest_points=model["neighbours"])


def idw(points, places, neighbours):
    distances, near = cKDTree(points[:, :2]).query(places, k=neighbours)
    weights = np.maximum(distances, 1.0) ** -2.0
    return (weights * points[near, 2]).sum(axis=1) / weights.sum(axis=1)


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - start) * 1e3


def share(ours, theirs, points):
    """Differences as shares of the readings' range."""
    return np.abs(np.asarray(ours, dtype=float) - theirs) / np.ptp(points[:, 2])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yiping", required=True, help="the program")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    dump = Path(tempfile.mkdtemp(prefix="yiping-heat-"))
    times = {name: [] for name in ("kriging", "pykrige", "idw one core", "idw", "scipy")}
    for _ in range(args.runs):
        subprocess.run([args.yiping, "bench", "heat", "--runs", "5", "--json", "--dump", str(dump)], check=True, stdout=subprocess.DEVNULL)
        model = json.loads((dump / "model.json").read_text())
        figures = model["figures"]
        times["kriging"].append(figures["kriging_ms"])
        times["idw one core"].append(figures["idw_one_core_ms"])
        times["idw"].append(figures["idw_ms"])
        few, many = (np.fromfile(dump / f"{name}.points.f64").reshape(-1, 3) for name in ("kriging", "idw"))
        values, variances = (np.fromfile(dump / f"kriging.{name}.f32", dtype="<f4") for name in ("values", "doubts"))
        cells = int(np.sqrt(len(values)))
        along = axis(model["city_m"], cells)
        (theirs, their_variances), ms = timed(lambda: kriging(model, few, along, along, "grid"))
        times["pykrige"].append(ms)
        smooth = np.fromfile(dump / "idw.values.f32", dtype="<f4")
        along = axis(model["city_m"], int(np.sqrt(len(smooth))))
        places = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
        of_scipy, ms = timed(lambda: idw(many, places, 12))
        times["scipy"].append(ms)
    single = np.fromfile(dump / "kriging.places.f64").reshape(-1, 4)
    at_places, their_errors = kriging(model, few, single[:, 0].copy(), single[:, 1].copy(), "points")
    # Of every eighth cell: all 500 sensors at once are too much for more.
    few_along = axis(model["city_m"], cells)[3::8]
    truth, _ = kriging(model, few, few_along, few_along, "all sensors")
    away = [np.sqrt((share(field.reshape(cells, cells)[3::8, 3::8], truth, few) ** 2).mean()) for field in (values, np.asarray(theirs))]
    sill = model["partial_sill"] + model["nugget"]
    checks = [
        ("kriging at 2,000 places, greatest difference of the range", share(single[:, 2], at_places, few).max(), 1e-6),
        ("its variance, greatest difference of the sill", (np.abs(single[:, 3] - their_errors) / sill).max(), 1e-6),
        ("kriging's field, root mean square of the range", np.sqrt((share(values, theirs.ravel(), few) ** 2).mean()), 1e-3),
        ("kriging's field, greatest difference of the range", share(values, theirs.ravel(), few).max(), 2e-2),
        (f"its distance from kriging of all sensors ({away[0]:.4f} of the range), over pykrige's ({away[1]:.4f}), less 1", away[0] / away[1] - 1, 1e-2),
        ("its variance, greatest difference of the sill", (np.abs(variances - their_variances.ravel()) / sill).max(), 5e-2),
        ("inverse distance, 9,999 of 10,000 cells, of the range", np.quantile(share(smooth, of_scipy, many), 0.9999), 1e-4),
    ]
    print(f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
          f"pykrige {pykrige.__version__}; yiping's profile: {figures['profile']}; median of {args.runs} runs, ms")
    print(f"variogram: {figures['kriging_variogram']}")
    for name, ms in times.items():
        print(f"{name:14} {np.median(ms):9.1f}   best {min(ms):9.1f}")
    right = True
    for what, found, allowed in checks:
        right &= bool(found <= allowed)
        print(f"{'ok  ' if found <= allowed else 'FAIL'} {what}: {found:.2e}, allowed {allowed:.0e}")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
