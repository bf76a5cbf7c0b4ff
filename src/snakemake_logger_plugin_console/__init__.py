"""What a person sees of a running workflow: `snakemake --logger console`, set in `profiles/`.

In a terminal: a bar per rule and one in all (`snakemake-logger-plugin-rich`), and of each running
job the last line of its log, which says how far it is. Elsewhere: a line per job. Warnings and
errors are shown in full. Snakemake's own words are in its log file, and `-n` prints them.
"""

from logging import LogRecord

from rich.console import Group
from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_logger_plugin_rich import LogHandler as RichHandler

from ._jobs import Jobs


class LogHandler(RichHandler):
    """Shows a workflow while it runs."""

    def __post_init__(self) -> None:
        """Use Snakemake's own words for a dry run, which is read and not waited for."""
        super().__post_init__()
        settings = self.common_settings
        self.plain = ColorizingTextHandler(
            settings.nocolor, formatter=DefaultFormatter(settings.quiet)
        )
        self.event_handler = Jobs(
            self.console, self.progress, self.live_display, verbose=settings.verbose
        )
        bars = self.live_display.renderable
        self.live_display.update(Group(bars, self.event_handler))

    def emit(self, record: LogRecord) -> None:
        """Show one message."""
        (self.plain.emit if self.common_settings.dryrun else super().emit)(record)

    @property
    def has_filter(self) -> bool:
        """Leave `--quiet` to Snakemake's filter."""
        return False
