"""What every test session needs: notebooks in their stored form, and the tests in their order."""

import os
from pathlib import Path

import matplotlib
import pytest

from tools.record import Recorder

ROOT = Path(__file__).parent
os.environ["EPBOOK_WIDGETS"] = "still"  # for the kernels that nbval starts, whatever the shell says
matplotlib.use("agg")  # for the doctests, here; a kernel chooses its own
collect_ignore = ["book/_ext"]


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # of several processes only the first keeps the record
        config.pluginmanager.register(Recorder(config))


@pytest.fixture(autouse=True)
def matplotlib_as_it_comes():
    """A test or doctest that sets a style keeps it to itself."""
    with matplotlib.rc_context():
        yield


def pytest_collection_modifyitems(config, items):
    """Quick tests first; but each of several processes begins with what takes longest, so that all end together."""
    items.sort(key=_stage, reverse=hasattr(config, "workerinput"))


def _stage(item):
    """0 for the library, 1 for pages of the built book, 2 for notebooks, 3 for building the book and for JupyterLab."""
    place = item.path.relative_to(ROOT)
    if place.name in ("test_built_book.py", "test_lab.py"):
        return 3
    if place.is_relative_to("tests/browser"):
        return 1  # after the notebooks: no process need wait for the build
    return 2 * (place.parts[0] == "book" or place.name == "test_notebooks.py")
