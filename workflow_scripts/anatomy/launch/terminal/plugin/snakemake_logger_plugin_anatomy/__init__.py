"""Snakemake finds its loggers by the names of modules: this is `--logger anatomy`."""

from snakemake_interface_logger_plugins.base import LogHandlerBase

from workflow_scripts.anatomy.launch.terminal.screen import Screen


class LogHandler(LogHandlerBase):
    """Hands every record to a `Screen`; what Snakemake itself would print goes to its log file alone."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.screen = Screen(dry=bool(self.common_settings.dryrun))

    def emit(self, record) -> None:
        """Show a record."""
        try:
            self.screen.show(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Take the bar away."""
        self.screen.close()
        super().close()
