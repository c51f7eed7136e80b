"""The benchmarks: epbook and its peers on the same problems, in turns, one thread each; chapter 9 shows them.

python benchmarks/measure.py            about ten minutes on a quiet machine; writes book/data/benchmarks.json
python benchmarks/measure.py --quick    small problems; writes _build/benchmarks.json
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import problems
from environments import ROOT, LeftOut, Peer
from targets import print_table, targets

STORED, QUICK = ROOT / "book" / "data" / "benchmarks.json", ROOT / "_build" / "benchmarks.json"
KERNEL = Peer("epbook_kernel"), Peer("epbook_reference", once=True), Peer("sklearn_kernel"), Peer("gpy_kernel", "gpy")
GRIDS = Peer("epbook_grid"), Peer("pgmax_grid", "pgmax"), Peer("pyagrum_grid", limit=60.0, once=True)
VARIATIONAL = Peer("epbook_vmp"), Peer("bayespy_vmp", "bayespy"), Peer("sklearn_mixture")
LARGE = (Peer("epbook_large"),)
DOUBLED = 4000  # points, measured for how the time grows only


class Contest:
    """Runs problems, and gathers what came out."""

    def __init__(self, folder: Path, rounds: int):
        self.folder, self.rounds, self.rows, self.versions, self.left_out = folder, rounds, [], {}, []

    def hold(self, subject: str, case: str, size: int, problem: dict, peers: Sequence[Peer], turns: int = 1) -> None:
        """All peers in turns, so many in each round; the least times count."""
        file, best = self.folder / "problem.npz", {}
        np.savez(file, **problem)
        for peer in [peer for k in range(turns * self.rounds) for peer in peers if not (k and peer.once)]:
            if any(peer.script == out["peer"] and (subject, case) == (out["subject"], out["case"]) for out in self.left_out):
                continue
            try:
                said = peer.run(file)
            except LeftOut as reason:
                self.left_out.append({"subject": subject, "case": case, "size": size, "peer": peer.script, "reason": str(reason)})
                continue
            self.versions |= {peer.script: said["versions"]}
            for method, row in said["methods"].items():
                if method not in best or row["seconds"] < best[method]["seconds"]:
                    best[method] = row
        self._record({"subject": subject, "case": case, "size": size}, best)

    def _record(self, what, best):
        start = best.pop("scikit-learn, one sweep", None)
        if start:  # what is left are the sweeps after the first
            best["scikit-learn"]["seconds"] -= start["seconds"]
            best["scikit-learn"]["answer"]["sweeps"] -= 1
        unit, right = best.pop("unit", None), best.pop("reference", None)
        for method, row in best.items():
            said = row["answer"]
            row = what | {"method": method, "ms": 1e3 * row["seconds"]}
            if unit:
                row["units"] = row["ms"] / (1e3 * unit["seconds"])
            row |= {"gap": gap(method, said, best, right)} | {
                name: said[name] for name in said if name not in ("marginals", "bounds")
            }
            if sweeps := len(said.get("bounds", ())) or said.get("sweeps"):
                row["ms a sweep"] = row["ms"] / sweeps
            self.rows.append({name: value for name, value in row.items() if value is not None})
            print(*what.values(), method, f"{row['ms']:.3g} ms", f"gap {row['gap']}", flush=True)


def gap(method: str, said: dict, best: dict, right: dict | None) -> float | None:
    """How far an answer is from ours, or for kernel EP from that to 1e-10; None if it answers another question."""
    if "log evidence" in said and "model" not in said:
        return abs(said["log evidence"] - right["answer"]["log evidence"]) if right else None
    if "marginals" in said and "tree" not in method:
        return float(np.abs(np.subtract(said["marginals"], best["epbook BP"]["answer"]["marginals"])).max())
    if "bounds" in said:
        ours = np.array(best["epbook vmp"]["answer"]["bounds"])
        return float(np.abs((said["bounds"] - ours) / ours).max())
    return None


def hold_all(contest: Contest, quick: bool) -> None:
    """Every problem; the largest once."""
    for n in (100, 200) if quick else (100, 200, 500, 1000, 2000, DOUBLED, 5000):
        for case, slack in (("probit", 1.0), ("step", 0.0)):
            problem = problems.kernel(n, slack)
            contest.hold("kernel", case, n, problem, [peer for peer in KERNEL if fits(peer, n, case)], turns=3 if n < 500 else 1)
    for n in (300,) if quick else (1000, 2000):
        contest.hold("kernel", "plane", n, problems.kernel(n, 1.0, plane=True), KERNEL[:2], turns=3)
    if not quick:
        contest.hold("kernel", "probit", 10_000, problems.kernel(10_000, 1.0), KERNEL[:1])
    for side in (5, 10) if quick else (10, 20, 30, 50, 100):
        contest.hold("grid", "coupling 0.5", side, problems.grid(side), GRIDS)
    contest.hold("grid", "coupling 1.5", 10, problems.grid(10, coupling=1.5), GRIDS[:1])
    for case, problem in problems.variational(quick):
        peers = VARIATIONAL if problem["kind"] == "mixture" else VARIATIONAL[:2]
        contest.hold(problem["kind"], case, len(problem["x"]), problem, peers)
    for what, n, size in (("linear", 1_000_000, 50), ("inducing", 100_000, 200), ("billiards", 100, 100)):
        n = min(n, 1000) if quick else n
        contest.hold("large", what, n, {"what": what, "n": n, "size": size}, LARGE)


def fits(peer: Peer, n: int, case: str) -> bool:
    """Whether a peer takes part: scikit-learn has one likelihood, and GPy is not made for many points."""
    if n == DOUBLED:
        return peer.script == "epbook_kernel"
    if peer.script == "sklearn_kernel":
        return case == "probit"
    return peer.packages is None or n <= (2000 if case == "probit" else 500)


def machine() -> dict:
    """Where this is."""
    details = Path("/proc/cpuinfo")  # on Linux
    lines = details.read_text().splitlines() if details.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small problems, not stored for the book")
    parser.add_argument("--rounds", type=int, default=2, help="how often the peers take turns")
    options = parser.parse_args()
    quick, rounds = options.quick, options.rounds
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(Path(folder), rounds)
        hold_all(contest, quick)
    stored = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "rounds": rounds,
        "versions": contest.versions,
        "left out": contest.left_out,
        "targets": targets(contest.rows),
        "rows": contest.rows,
    }
    file = QUICK if quick else STORED
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(stored, indent=1) + "\n")
    print_table(stored["targets"])
    print(f"written to {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
