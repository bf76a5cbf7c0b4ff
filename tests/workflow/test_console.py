"""What a person sees of a running workflow: in a pipe, in a terminal, of a job that failed."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
WORKFLOW = """
rule all:
    input: "1.txt", "2.txt"
rule count:
    output: "{n}.txt"
    log: "logs/{n}.txt"
    message: "count {wildcards.n}"
    shell: "for i in 1 2 3; do echo number $i of 3 >&2; sleep 0.3; done 2> {log}; "
        "[ {wildcards.n} != %s ] && touch {output}"
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Snakefile").write_text(WORKFLOW % "none")
    return tmp_path


def piped(folder, *options):
    command = [SNAKEMAKE, "--cores", "1", "--logger", "console", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_a_pipe_gets_a_line_per_job(folder):
    code, output = piped(folder)
    assert code == 0
    lines = output.splitlines()
    assert "3 jobs" in lines
    titles = [line.split("done  ")[1] for line in lines if " of 3 done  " in line]
    assert sorted(titles[:2]) == ["count 1", "count 2"] and titles[2] == "all"
    assert "0 of 3 done" in output and "number 3 of 3" not in output and "\x1b" not in output


def test_a_failed_job_shows_the_end_of_its_log(folder):
    (folder / "Snakefile").write_text(WORKFLOW % "2")
    code, output = piped(folder, "--keep-going")
    assert code == 1
    said = output[output.index("Failed: count 2") :]
    assert "The end of logs/2.txt:\nnumber 1 of 3\nnumber 2 of 3\nnumber 3 of 3\n" in said
    assert "Failed: count 1" not in output


def test_a_dry_run_is_in_snakemakes_own_words(folder):
    code, output = piped(folder, "--dry-run")
    assert code == 0
    assert "Job stats:" in output and "Missing output files: 1.txt" in output


def test_quiet_says_nothing(folder):
    assert piped(folder, "--quiet", "all") == (0, "")


def test_a_terminal_shows_bars_and_what_running_jobs_last_said(folder):
    ours, theirs = pty.openpty()
    command = [SNAKEMAKE, "--cores", "1", "--logger", "console"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    process = subprocess.Popen(command, cwd=folder, stderr=theirs, stdout=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    os.close(ours)
    assert process.wait() == 0
    text = shown.decode(errors="replace")
    assert "Total Progress" in text and "━" in text
    assert "count 1: number 2 of 3" in text
