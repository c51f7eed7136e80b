"""The pages of the book, and the screens they are looked at on."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHAPTERS = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
NOTEBOOKS = {name: ROOT / f"{name}.ipynb" for name in CHAPTERS}
WITH_SLIDERS = [name for name, file in NOTEBOOKS.items() if file.exists() and "explore(" in file.read_text(encoding="utf-8")]
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
