"""The repository keeps its promises: what is installed, what is shipped, what is not committed."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

import epbook
from tools import browser

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ONLY_ON_PYPI = {"axe-playwright-python", "playwright", "sphinx-mathjax-offline"}  # conda-forge has them not, or not under this name
NOT_FOR_CONDA = {"pytest-benchmark", "hatchling"}  # benchmarks and wheels are not made in a reader's environment
BINARY = {".png", ".ico", ".woff2"}
# Assembled, so that this file does not refuse itself.
FORBIDDEN = re.compile(
    r"(?<![\w.:/-])/(?:" + "|".join(["work", "root", r"home/\w+", r"Users/\w+"]) + r")/|/tmp/\w"
    r"|" + "|".join(host.replace("-", r"\.") for host in ["pypi-org", "python" "hosted-org", "registry-npmjs", "deb-debian-org", "proxy-golang"])
    + r"|\.\./" + "shared"
)


def ranges(requirements):
    """name -> range of a list of requirements, those of this project's own extras left out."""
    pairs = (re.fullmatch(r"([A-Za-z0-9_.-]+)(\[.*\])?(.*)", line).group(1, 3) for line in requirements)
    return {name.lower(): range_.replace(" ", "") for name, range_ in pairs if name != "epbook"}


def wanted():
    """name -> range of everything that readers and tests need."""
    project = PYPROJECT["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return {name: range_ for line in lists for name, range_ in ranges(line).items()}


def test_environment_for_conda_has_the_same_ranges():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, last = environment["dependencies"]
    by_conda, by_pip = ranges(conda), ranges(last["pip"])
    assert environment["name"] == PYPROJECT["project"]["name"]
    assert by_conda.pop("python") == PYPROJECT["project"]["requires-python"]
    assert by_conda.pop("pip") == ""
    assert set(by_pip) == ONLY_ON_PYPI
    assert by_conda | by_pip == {name: range_ for name, range_ in wanted().items() if name not in NOT_FOR_CONDA}


def test_lock_pins_and_hashes_everything_and_names_no_address():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in lock
    entries = re.split(r"\n(?=\S)", lock.strip())
    locked = {re.match(r"[A-Za-z0-9_.-]+==", entry).group()[:-2].lower() for entry in entries if entry[0] != "#"}
    assert all("--hash=sha256:" in entry for entry in entries if entry[0] != "#")
    assert {name.replace("_", "-") for name in wanted()} <= {name.replace("_", "-") for name in locked}


def test_lock_satisfies_the_ranges():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", lock, re.MULTILINE)
    allowed = wanted()
    assert {name for name, _ in pins} >= set(allowed)
    assert [f"{name} {version}" for name, version in pins if version not in SpecifierSet(allowed.get(name, ""))] == []


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == epbook.__version__


def test_ci_runs_what_the_readme_says():
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test: \$\(READY\).*\n\tOMP_NUM_THREADS=1 \$\(BIN\)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder\n", recipes, re.MULTILINE)
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert os.name == "nt" or os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in the wheel that `pip wheel .` makes."""
    pytest.importorskip("hatchling", reason="conda's environment makes no wheels")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (file,) = folder.glob("epbook-*.whl")
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_carries_data_provenance_licences_and_types(wheel):
    data = {f"epbook/data/{file.name}" for file in (ROOT / "epbook" / "data").iterdir() if file.is_file()}
    assert "epbook/data/PROVENANCE.md" in data and len(data) > 5
    assert data | {"epbook/py.typed", "epbook/__init__.py"} <= set(wheel)
    for licence in ("LICENSE", "LICENSE-TEXT"):
        (name,) = [name for name in wheel if name.endswith(f".dist-info/licenses/{licence}")]
        assert wheel[name] == (ROOT / licence).read_bytes()
    assert b"CC BY 4.0" in wheel["epbook/data/PROVENANCE.md"]
    assert not [name for name in wheel if name.startswith(("tests/", "book/", "tools/"))]


def test_import_needs_numpy_and_scipy_only():
    """Refuses everything else in a fresh interpreter, then imports every module but those of two extras."""
    code = """
import importlib, pkgutil, sys, sysconfig
sysconfig.get_config_vars()  # reads a module of Python's that no list names
ALLOWED = sys.stdlib_module_names | {"numpy", "scipy", "epbook"}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED:
            raise ImportError(name + " is refused")
sys.meta_path.insert(0, Refuse())
import epbook
for module in pkgutil.walk_packages(epbook.__path__, "epbook."):
    if not module.name.startswith(("epbook.plot", "epbook.estimators")):
        importlib.import_module(module.name)
print(epbook.__version__)
try:
    import yaml
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    version, refused = done.stdout.splitlines()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version)
    assert refused == "yaml is refused"


def committed():
    """The text files that are, or are about to be, in git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and Path(name).suffix not in BINARY and (ROOT / name).is_file()]


def test_no_file_names_a_machine_or_a_registry():
    files = committed()
    assert ROOT / "pyproject.toml" in files
    found = [
        f"{file.relative_to(ROOT)}:{number}: {match.group()}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := FORBIDDEN.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("text", ["cd /" + "work/main", "in /" + "root/.cache", "ran in /" + "tmp/x", "from pypi" + ".org", "see ../" + "shared/a.md"])
def test_the_rule_against_machines_has_teeth(text):
    assert FORBIDDEN.search(text)


def test_the_example_of_the_readme_is_run():
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "README.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "README.md::README.md" in done.stdout, done.stdout + done.stderr


# --- tools/browser.py finds a browser


@pytest.fixture
def machine(monkeypatch):
    """A computer without any browser; returns what makes programs appear on its path."""
    programs = set()
    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.setattr(browser, "PLACES", ())
    monkeypatch.setattr(browser, "_is_root", lambda: False)
    monkeypatch.setattr(browser.shutil, "which", lambda name: f"/bin/{name}" if name in programs else None)
    return programs.add


def test_the_browser_named_in_chrome_comes_first(machine, monkeypatch):
    machine("chromium"), machine("my-chrome")
    monkeypatch.setenv("CHROME", "my-chrome")
    assert browser.find() == "/bin/my-chrome"


def test_a_browser_in_chrome_that_cannot_run_is_refused(machine, monkeypatch):
    machine("chromium")
    monkeypatch.setenv("CHROME", "no-chrome")
    with pytest.raises(RuntimeError, match="CHROME names 'no-chrome', which is no program that can be run"):
        browser.find()


def test_an_installed_browser_is_found(machine, monkeypatch, tmp_path):
    place = tmp_path / "Google Chrome"
    place.touch()
    monkeypatch.setattr(browser, "PLACES", ("nowhere", str(place)))
    assert browser.find() == str(place)
    machine("google-chrome")
    assert browser.find() == "/bin/google-chrome"


def test_root_installs_debians_browser_and_needs_no_sandbox(machine, monkeypatch):
    machine("apt-get")
    commands = []
    monkeypatch.setattr(browser.subprocess, "run", lambda command, **_: (commands.append(command), machine("chromium")))
    assert "--no-sandbox" not in browser.arguments()
    monkeypatch.setattr(browser, "_is_root", lambda: True)
    assert browser.find() == "/bin/chromium"
    assert commands == [browser.INSTALL]
    assert "--no-sandbox" in browser.arguments()


@pytest.mark.parametrize(
    "platform, program, remedy",
    [
        ("darwin", "brew", "run `brew install --cask chromium`"),
        ("linux", "apt-get", f"run as root `{browser.INSTALL}`"),
        ("linux", "dnf", "install one with your system's packages"),
    ],
)
def test_without_a_browser_the_remedy_is_said(machine, monkeypatch, platform, program, remedy):
    machine(program)
    monkeypatch.setattr(browser.sys, "platform", platform)
    with pytest.raises(RuntimeError, match=re.escape(f"{remedy}, or name one in CHROME")):
        browser.find()
