"""Rows of facts in a file that survives the process: one JSON object a line.

A phase is a list of named items. A process of its own takes them in order, says in the file when it
begins one and what it found, and goes past those that an earlier process has done. Who started it
sees which item it is at, and how long: a process that died or hangs costs that one item.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rotograd_replication.runtime import device as runtime

Row = dict[str, Any]
Item = tuple[str, Callable[[], Row]]


@dataclass(frozen=True)
class Rows:
    """The rows of one file that were made on one device.

    Attributes:
        file: of JSON lines; need not exist.
        device: in words; rows of another device are neither read nor taken as done.
    """

    file: Path
    device: str

    def read(self, phase: str | None = None) -> list[Row]:
        """The rows of a phase, or all, in their order; a line cut short by a crash is none."""
        rows = []
        for line in self.file.read_text().splitlines() if self.file.exists() else []:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if row["device"] == self.device and phase in (None, row["phase"]):
                rows.append(row)
        return rows

    def add(self, phase: str, item: str, **facts: Any) -> None:
        """Append a row; it is on the disk afterwards."""
        row = {"phase": phase, "item": item, "device": self.device, "time": time.time()} | facts
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with open(self.file, "a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def results(self, phase: str) -> dict[str, Row]:
        """The last finished row of every item of a phase."""
        return {row["item"]: row for row in self.read(phase) if "begun" not in row}

    def open_item(self, phase: str) -> Row | None:
        """The item that was begun last, if it has not ended."""
        last = next(iter(self.read(phase)[-1:]), None)
        return last if last and "begun" in last else None


def work(phase: str, items: Iterable[Item], rows: Rows, until: float) -> None:
    """Do what is not done yet; an item that fails is recorded, and the next one begins.

    Args:
        phase: its name.
        items: in the order of their worth.
        rows: where results go.
        until: the time (`time.time()`) from which no item begins.
    """
    done = set(rows.results(phase))
    for name, item in items:
        if name in done:
            continue
        if time.time() > until:
            return
        done.add(name)
        rows.add(phase, name, begun=True)
        start = time.perf_counter()
        try:
            facts = item()
        except Exception as error:
            first = (str(error).strip() or "no message").splitlines()[0]
            facts = {"failed": f"{type(error).__name__}: {first}"[:300]}
        rows.add(phase, name, seconds=time.perf_counter() - start, **facts)
        if torch.cuda.is_available():  # after an error that spoils the process, this raises
            torch.cuda.synchronize()
            torch.cuda.empty_cache()


def main(phase: str, items: Callable[[argparse.Namespace, torch.device], Iterable[Item]]) -> None:
    """The command line of a phase's process.

    Args:
        phase: its name.
        items: gives the phase's items from the arguments and the device.
    """
    parser = argparse.ArgumentParser(description=f"The phase `{phase}` of on_gpu.py.")
    parser.add_argument("--device", required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    device = runtime.device(arguments.device)
    runtime.prepare(arguments.threads)
    rows = Rows(arguments.rows, runtime.hardware(device))
    work(phase, items(arguments, device), rows, arguments.until)
