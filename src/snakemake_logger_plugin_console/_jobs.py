"""The jobs of a running workflow, each in a line."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.text import Text
from snakemake_logger_plugin_rich import events
from snakemake_logger_plugin_rich.event_handler import EventHandler

# Of the log of a failed job. Progress bars may have written any number of lines before the error.
LINES = 40


class Jobs(EventHandler):
    """Adds to the bars: what each job is doing, and what it said if it failed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.running: dict[int, events.JobInfo] = {}

    def __rich__(self) -> Text:
        """Show the running jobs, each with the last line of its log, below the bars."""
        return Text("\n".join(self._progress()), overflow="ellipsis", no_wrap=True)

    def _progress(self) -> Iterator[str]:
        for job in list(self.running.values()):
            if lines := [line for path in job.log for line in tail(path, 1)]:
                yield f"  {title(job)}: {lines[-1]}"

    def handle_job_info(self, event_data: events.JobInfo, **options: Any) -> None:
        """Note a job that starts."""
        super().handle_job_info(event_data, **options)
        self.running[event_data.jobid] = event_data
        if not self.console.is_terminal:
            done = f"{self.completed} of {self.total_jobs} done"
            self._print(f"{time.strftime('%H:%M:%S')}  {done}  {title(event_data)}")

    def handle_job_finished(self, event_data: events.JobFinished, **options: Any) -> None:
        """Note a job that is done."""
        super().handle_job_finished(event_data, **options)
        self.running.pop(event_data.job_id, None)

    def handle_job_error(self, event_data: events.JobError, **options: Any) -> None:
        """Say which job failed, and what it wrote last."""
        job = self.running.pop(event_data.jobid, None)
        if job is None:
            return
        self._print(f"Failed: {title(job)}", "red")
        for path in job.log:
            if lines := tail(path, LINES):
                self._print("\n".join([f"The end of {path}:", *lines]))

    def _display_job_summary(
        self, per_rule_job_counts: dict[str, int], total_job_count: int
    ) -> None:
        """Bars show the rules; elsewhere their number is enough."""
        self._print(f"{total_job_count} jobs")

    def _print(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)


def title(job: events.JobInfo) -> str:
    """`train digits method=vanilla` where the rule has a message; else its name and wildcards."""
    words = " ".join(str(value) for value in job.wildcards.values())
    return (job.rule_msg or f"{job.rule_name} {words}").strip()


def tail(path: str, lines: int) -> list[str]:
    """Return the last lines of a file that are not blank; none where it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 400 * lines))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
