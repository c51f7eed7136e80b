"""What `measure.py` stored: the same answers, and the targets; `make bench` measures first."""

import json
import os

import pytest
from measure import QUICK, STORED

FILE = QUICK if os.environ.get("QUICK") else STORED
TARGETS = json.loads(FILE.read_text())["targets"] if FILE.exists() else []


def test_something_was_measured():
    assert TARGETS, f"{FILE} is missing or empty: run benchmarks/measure.py first"


@pytest.mark.parametrize("target", TARGETS, ids=[target["what"] for target in TARGETS])
def test_target(target):
    assert target["met"], f"{target['what']}: {target['value']:.3g}, not {target['relation']} {target['limit']:g}"
