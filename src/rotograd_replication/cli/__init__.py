"""One verb per step of the workflow: `python -m rotograd_replication VERB`.

A verb is a file of this folder: its docstring is the help, `arguments` declares what it takes, and
`run` does it. Paths come from the command line alone (the Snakefile knows them). A verb imports
what it needs when it runs, so that the paper half never waits for torch.
"""

import argparse
import importlib
import logging
import sys
from pathlib import Path

from ..runtime import job_log, preemption
from ._arguments import ROOT

SUMMARY = __doc__.partition("\n")[0]
VERBS = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def parser() -> argparse.ArgumentParser:
    """Build the command line: a sub-command per verb."""
    whole = argparse.ArgumentParser(prog="rotograd-replication", description=SUMMARY)
    whole.add_argument("--configs", type=Path, default=ROOT / "configs")
    verbs = whole.add_subparsers(required=True, metavar="VERB")
    for name in VERBS:
        verb = importlib.import_module(f"{__name__}.{name}")
        sub = verbs.add_parser(name, help=verb.__doc__, description=verb.__doc__)
        sub.set_defaults(verb=verb.run)
        verb.arguments(sub)
    return whole


def main() -> int:
    """Run one verb; a fault of the user's ends in one message and exit code 1.

    A training that was asked to end exits with another code: the same command resumes it.
    """
    job_log.open_log()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = parser().parse_args()
    try:
        arguments.verb(arguments)
    except (ValueError, OSError) as error:
        logging.error("error: %s", error)
        return 1
    except preemption.Preempted as notice:
        logging.warning("%s", notice)
        return preemption.EXIT_CODE
    return 0
