"""What ``analyze`` reads, and which file each recording's timeline goes to."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from realtime_ser.errors import ConfigError, SinkError, SourceError

FORMATS = ("csv", "jsonl", "parquet")
SUMMARY = "summary.csv"


def targets_of(inputs: list[str], output: Path, form: str, overwrite: bool) -> dict[str, Path]:
    """Recording -> timeline file: its name without ending, or with where two differ in that only.

    Raises:
        ConfigError, SinkError, SourceError: a live source, two inputs for one file, files in the
            way, or a folder without recordings.
    """
    if form not in FORMATS:
        raise ConfigError(f"--format {form}: use one of {', '.join(FORMATS)}")
    if not all(inputs):
        raise ConfigError("INPUT: an empty name; name a recording or a folder")
    live = [uri for uri in inputs if uri == "-" or uri == "mic" or uri.startswith("mic:")]
    if live:
        raise ConfigError(f"{live[0]}: analyze takes recordings; use realtime-ser live for this")
    recordings = {uri: Path(uri) for given in inputs for uri in _recordings(given)}
    stems = Counter(path.stem for path in recordings.values())
    names = {
        uri: path.stem if stems[path.stem] == 1 else path.name for uri, path in recordings.items()
    }
    named = Counter(names.values())
    twice = [uri for uri, name in names.items() if named[name] > 1]
    if twice:
        raise ConfigError(
            f"{twice[0]}: another input has the same name in another folder; "
            "give the two apart, each with an --output of its own"
        )
    targets = {uri: output / f"{name}.{form}" for uri, name in names.items()}
    if output / SUMMARY in targets.values():
        raise ConfigError(
            f"{output / SUMMARY}: an input of this name collides with the summary; rename it, or "
            "use another --format"
        )
    for file in (output / SUMMARY, *targets.values()):
        _refuse_existing(file, overwrite)
    return targets


def _refuse_existing(file: Path, overwrite: bool) -> None:
    try:
        if file.is_dir():
            raise SinkError(f"{file}: is a folder; rename it or give another --output")
        if file.exists() and not overwrite:
            raise SinkError(f"{file}: exists already; give --overwrite or another --output")
    except OSError as error:  # a name too long, a folder that may not be entered
        reason = error.strerror or error
        raise SinkError(f"{file}: cannot be written ({reason}); give another --output") from error


def _recordings(given: str) -> list[str]:
    """An input, or the recordings right in it where it is a folder; hidden files are none.

    Raises:
        SourceError: a folder without recordings, or what may not be looked at.
    """
    from realtime_ser.capture.file import AUDIO_SUFFIXES

    try:
        if not Path(given).is_dir():
            return [given]
        # Joined to the folder, so that none is the name of a microphone.
        listed = [
            os.path.join(given, name)
            for name in os.listdir(given)
            if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith(".")
        ]
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"{given[:200]}: cannot be read ({reason}); check the path") from error
    found = [file for file in listed if os.path.isfile(file)]
    if not found:
        raise SourceError(
            f"{given}: no recordings are in it ({', '.join(AUDIO_SUFFIXES)}); name files, or a "
            "folder that has them directly in it"
        )
    return sorted(found)
