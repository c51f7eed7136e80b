"""What the benchmarks must reach, as ratios within one run."""

from collections.abc import Iterator

OURS = "epbook kernel_ep"


def targets(rows: list[dict]) -> list[dict]:
    """Each target with its limit, what was measured, and whether it was met; those of which nothing was measured are left out."""
    return [
        {
            "what": what,
            "relation": relation,
            "limit": limit,
            "value": value,
            "met": value <= limit if relation == "<=" else value >= limit,
        }
        for what, value, relation, limit in (*_kernel(_Table(rows)), *_grids(_Table(rows)), *_variational(_Table(rows)))
        if value is not None
    ]


class _Table:
    """Rows by subject, case, size and method."""

    def __init__(self, rows):
        self._rows = {(row["subject"], row["case"], row["size"], row["method"]): row for row in rows}
        self.rows = rows

    def value(self, name, *key):
        return self._rows.get(key, {}).get(name)

    def ratio(self, subject, case, size, theirs, ours, name="ms"):
        above, below = (self.value(name, subject, case, size, method) for method in (theirs, ours))
        return above / below if above and below else None


def _kernel(table) -> Iterator[tuple]:
    for case in ("probit", "step"):
        yield f"{case}, n = 100: milliseconds", table.value("ms", "kernel", case, 100, OURS), "<=", 2.0
        for n, limit in ((1000, 20.0), (2000, 15.0), (5000, 15.0)):
            yield f"{case}, n = {n}: Cholesky units", table.value("units", "kernel", case, n, OURS), "<=", limit
        for n in (1000, 2000):
            few, many = (table.value("ms", "kernel", case, size, OURS) for size in (n, 2 * n))
            yield f"{case}, n = {2 * n} over n = {n}", many / few if few and many else None, "<=", 8.5
    gaps = [row["gap"] for row in table.rows if row["method"] == OURS and "gap" in row]
    yield "largest error of the log evidence", max(gaps, default=None), "<=", 4e-7
    gaps = [row["gap"] for row in table.rows if row["method"].startswith("GPy")]
    yield "largest error of GPy's log evidence", max(gaps, default=None), "<=", 1e-3
    yield "probit, n = 1000: GPy's default over ours", table.ratio("kernel", "probit", 1000, "GPy EP", OURS), ">=", 100.0
    yield (
        "probit, n = 1000: GPy's parallel EP over ours",
        table.ratio("kernel", "probit", 1000, "GPy EP, parallel", OURS),
        ">=",
        5.0,
    )
    for n in (200, 500, 1000, 2000, 5000):
        yield (
            f"n = {n}: scikit-learn's Laplace over ours",
            table.ratio("kernel", "probit", n, "scikit-learn Laplace", OURS),
            ">=",
            1.0,
        )
    yield "low rank, n = 1000: Cholesky units", table.value("units", "kernel", "plane", 1000, "epbook low rank"), "<=", 1.0


def _grids(table) -> Iterator[tuple]:
    for side in (10, 20, 30, 50, 100):
        for theirs in ("pyAgrum LoopyBP", "pgmax", "pgmax, compiled"):
            ours = "epbook BP, set up" if theirs == "pgmax, compiled" else "epbook BP"
            ratio = table.ratio("grid", "coupling 0.5", side, theirs, ours)
            yield f"{side} x {side}: {theirs} over {ours.replace('epbook BP', 'ours')}", ratio, ">=", 1.0
    gaps = [row["gap"] for row in table.rows if row["subject"] == "grid" and "gap" in row]
    yield "largest gap of marginals", max(gaps, default=None), "<=", 1e-3
    yield "10 x 10: tree EP over BP", table.ratio("grid", "coupling 0.5", 10, "epbook tree EP", "epbook BP"), "<=", 5.0
    yield "10 x 10, coupling 1.5: tree EP converges (1) or not", _flag(table, "epbook tree EP"), ">=", 1.0


def _flag(table, method):
    answer = table.value("converged", "grid", "coupling 1.5", 10, method)
    return None if answer is None else float(answer)


def _variational(table) -> Iterator[tuple]:
    for row in table.rows:
        if row["method"] == "epbook vmp":
            at, least = (row["subject"], row["case"], row["size"]), 3.0 if row["subject"] == "mixture" else 10.0
            yield f"{row['subject']}, {row['case']}: bayespy over ours", table.ratio(*at, "bayespy", "epbook vmp"), ">=", least
            yield f"{row['subject']}, {row['case']}: gap of the bounds", table.value("gap", *at, "bayespy"), "<=", 1e-9
            theirs, ours = (table.value("ms a sweep", *at, method) for method in ("scikit-learn", "epbook vmp"))
            ratio = theirs / ours if theirs and ours else None
            yield f"{row['subject']}, {row['case']}: scikit-learn over ours", ratio, ">=", 1.0


def print_table(found: list[dict]) -> None:
    """One line a target."""
    for target in found:
        verdict = "met   " if target["met"] else "missed"
        print(f"{verdict}  {target['what']:60s} {target['value']:10.3g}  ({target['relation']} {target['limit']:g})")
    print(f"{sum(target['met'] for target in found)} of {len(found)} targets met")
