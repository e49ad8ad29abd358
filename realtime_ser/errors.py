"""The errors that this package raises on purpose."""

from __future__ import annotations


class RealtimeSerError(Exception):
    """Base of all errors raised on purpose.

    The text is one line that names the input, what is wrong with it and what to do; the commands
    print it on stderr and exit with 2.
    """


class ConfigError(RealtimeSerError):
    """A configuration file, environment variable or flag that cannot be used."""


class SourceError(RealtimeSerError):
    """Audio that cannot be opened or read."""


class SinkError(RealtimeSerError):
    """A timeline that cannot be written."""


class ModelError(RealtimeSerError):
    """A model folder that is missing, broken or made for something else."""


class RefusedError(RealtimeSerError):
    """A stream that cannot be taken in now."""

    def __init__(self, reason: str, text: str) -> None:
        """Say why.

        Args:
            reason: one word, for programs: full, busy or ending.
            text: one line, for people.
        """
        super().__init__(text)
        self.reason = reason


class DataError(RealtimeSerError):
    """Labelled data for training or evaluation that cannot be used."""
