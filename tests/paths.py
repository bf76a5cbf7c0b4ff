"""Where things are, for tests."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIGS = ROOT / "configs"


def train_sources():
    """The patterns of the sources in the digest of training code, as the rules give them."""
    rules = (ROOT / "rules" / "common.smk").read_text()
    return ast.literal_eval(re.search(r"^TRAIN_SOURCES = (\[.*?^\])", rules, re.M | re.S)[1])
