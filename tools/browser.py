"""Finds the Chromium or Chrome that the browser tests drive, installing Debian's where that is ours to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
INSTALL = "apt-get update && apt-get install -y chromium"
# Without them the browser asks its maker for updates.
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


def find():
    """The path of the browser: the one named in CHROME, one that is installed, or Debian's, installed now.

    Raises:
        RuntimeError: there is none; the message says the command to run.
    """
    if named := os.environ.get("CHROME"):
        if shutil.which(named) is None:
            raise RuntimeError(f"CHROME names {named!r}, which is no program that can be run")
        return shutil.which(named)
    if found := _installed():
        return found
    if _is_root() and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(INSTALL, shell=True, env=environment, stdin=subprocess.DEVNULL)
        if found := _installed():
            return found
    raise RuntimeError(f"the browser tests need Chromium or Chrome: {_remedy()}, or name one in CHROME")


def arguments():
    """What to start it with: no talk to the outside, and no sandbox for root, to whom Chromium refuses it."""
    return QUIET + (["--no-sandbox"] if _is_root() else [])


def _installed():
    """The first browser found, or None."""
    on_path = (shutil.which(name) for name in NAMES)
    return next(filter(None, on_path), None) or next((place for place in PLACES if Path(place).exists()), None)


def _is_root():
    """Whether packages may be installed without asking anybody."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _remedy():
    """The command for this system."""
    if sys.platform == "darwin":
        return "run `brew install --cask chromium`"
    if shutil.which("apt-get"):
        return f"run as root `{INSTALL}`"
    return "install one with your system's packages"
