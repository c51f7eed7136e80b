"""Peers that are not epbook's own optional packages: an environment for each, made once, under _build/peers."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "benchmarks" / "peers"
ENVIRONMENTS = ROOT / "_build" / "peers"
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


class LeftOut(Exception):
    """A peer that cannot be had here, or does not end in time."""


@dataclass(frozen=True)
class Peer:
    """A package and its script.

    Args:
        script: a file in benchmarks/peers without its ending.
        packages: the requirements of its own environment, a file there; None for the one that runs the benchmarks.
        limit: seconds on the wall that it may take with one problem.
        once: whether one round suffices.
    """

    script: str
    packages: str | None = None
    limit: float = 300.0
    once: bool = False

    def run(self, problem: Path) -> dict:
        """What the script writes about a problem.

        Raises:
            LeftOut: if its environment cannot be made, or the script fails or takes too long.
        """
        answer = problem.with_name(f"{problem.stem}-{self.script}.json")
        command = [str(python_of(self.packages)), str(SCRIPTS / f"{self.script}.py"), str(problem), str(answer)]
        environment = os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT)}
        try:
            subprocess.run(command, env=environment, timeout=self.limit, check=True, capture_output=True, text=True)
        except subprocess.TimeoutExpired as error:
            raise LeftOut(f"more than {self.limit:g} s") from error
        except subprocess.CalledProcessError as error:
            raise LeftOut(f"failed: {(error.stderr or 'no message').strip().splitlines()[-1]}") from error
        return json.loads(answer.read_text())


def python_of(packages: str | None) -> Path:
    """The Python of a peer's environment, which is made if need be.

    Raises:
        LeftOut: if a package cannot be installed; nothing of the environment stays then.
    """
    if packages is None:
        return Path(sys.executable)
    home, needed = ENVIRONMENTS / packages, SCRIPTS / f"{packages}.txt"
    python, stamp = home / "bin" / "python", home / packages
    if stamp.exists() and stamp.read_text() == needed.read_text():
        return python
    shutil.rmtree(home, ignore_errors=True)
    print(f"installing {packages} into {home.relative_to(ROOT)}", flush=True)
    try:
        for command in _installation(home, python, needed):
            subprocess.run(command, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(home, ignore_errors=True)
        raise LeftOut(f"cannot be installed: {(error.stderr or 'no message').strip().splitlines()[-1]}") from error
    stamp.write_text(needed.read_text())
    return python


def _installation(home, python, needed):
    """Commands; the files list all that is needed, so no package may bring others."""
    if uv := shutil.which("uv"):
        yield [uv, "venv", "--quiet", "--python", sys.executable, str(home)]
        yield [uv, "pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", str(needed)]
    else:
        yield [sys.executable, "-m", "venv", str(home)]
        yield [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(needed)]
