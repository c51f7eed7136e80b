"""A build that can be trusted: executed again when the library changed, from an empty folder, failing twice when it fails."""

import hashlib
import os
import shutil
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODE = "frames"
CACHES = 3  # of executed notebooks, one for each state of the library


def key_cache_by_library(app, config):
    """Jupyter's cache looks at the notebook only; a changed library must execute it again."""
    packages = sorted({(found.name, found.version) for found in distributions()})
    key = hashlib.sha256(repr((MODE, sys.version, packages)).encode())
    for file in sorted((ROOT / "epbook").rglob("*")):
        if file.suffix in {".py", ".csv", ".toml"}:
            key.update(file.read_bytes())
    config.nb_execution_cache_path = str(ROOT / "_build" / f"executed-{key.hexdigest()[:12]}")


def start_from_nothing(app):
    """Pages of deleted chapters would stay; what was executed and read is kept elsewhere."""
    shutil.rmtree(app.outdir)
    app.outdir.mkdir()


def forget_old_executions(app, exception):
    """Every change of the library starts another cache."""
    now = Path(app.config.nb_execution_cache_path)
    earlier = sorted(set(now.parent.glob("executed-*")) - {now}, key=lambda cache: cache.stat().st_mtime)
    for cache in earlier[: 1 - CACHES]:
        shutil.rmtree(cache, ignore_errors=True)


def forget_after_warnings(app, exception):
    """Sphinx does not repeat the warnings of pages it read before: a failed build must not pass the second time."""
    if exception or app._warncount:
        shutil.rmtree(app.doctreedir, ignore_errors=True)


def setup(app):
    os.environ["EPBOOK_WIDGETS"] = MODE  # for the kernels, whatever the caller's shell says
    app.connect("config-inited", key_cache_by_library)
    app.connect("builder-inited", start_from_nothing)
    app.connect("build-finished", forget_old_executions)
    app.connect("build-finished", forget_after_warnings)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
