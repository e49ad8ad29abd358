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


class DataError(RealtimeSerError):
    """Labelled data for training or evaluation that cannot be used."""
