"""The one exception that is meant for the person at the terminal."""


class AnatomyError(Exception):
    """A problem that its reader can solve.

    The message is one line that says what is wrong, where (the config key, the file, the hook
    point), and what to do. Scripts print it without a traceback and exit with status 1.
    """
