"""Progress bars of a job whose standard error is a file."""

import subprocess
import sys

JOB = """
import logging, sys, tqdm
from rotograd_replication.runtime import job_log
job_log.open_log()
logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
for i in tqdm.tqdm(range(3), desc="epochs", disable=None, mininterval=0, file=sys.stderr):
    logging.info("epoch %d", i)
raise ValueError("an error")
"""


def test_bars_are_lines_in_a_file(tmp_path):
    with (tmp_path / "log").open("w") as log:
        subprocess.run([sys.executable, "-c", JOB], stderr=log)
    lines = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("epoch ")] == [
        "epoch 0",
        "epoch 1",
        "epoch 2",
    ]
    assert any(line.startswith("epochs:") and "2/3" in line for line in lines)
    assert lines[-1] == "ValueError: an error"


def test_bars_are_left_out_of_a_pipe():
    done = subprocess.run([sys.executable, "-c", JOB], stderr=subprocess.PIPE, text=True)
    assert "epochs:" not in done.stderr and "epoch 2" in done.stderr
