from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from realtime_ser.assembly import pipeline_factory
from realtime_ser.config import AlertConfig, Config
from realtime_ser.errors import ConfigError
from realtime_ser.pipeline import Piece
from realtime_ser.testing import ConstantRecognizer
from realtime_ser.types import TimelineRow

HOP = 8000


def config(*rules: str, cool_down: float = 60.0) -> Config:
    return Config(alerts=AlertConfig(rules=rules, cool_down=cool_down))


def half_a_minute(config: Config, stream: str = "a") -> list[TimelineRow]:
    """Rows of a chain that hears somebody angry for half a minute."""
    fake = ConstantRecognizer(("angry", "happy"), [0.9, 0.1])
    pipeline = pipeline_factory(config, fake)(stream, 0, datetime(2026, 1, 1, tzinfo=UTC))
    rows: list[TimelineRow] = []
    slot = fake.open()
    for number in range(1, 61):
        samples = np.zeros(HOP, np.float32)
        piece = Piece(
            samples, 0, number * HOP, None, None, first=number == 1, last=number == 60, window=True
        )
        rows += pipeline.complete(piece, fake.step([slot], [samples])[0], 0.0)
    return rows


def test_the_rules_of_the_settings_are_watched() -> None:
    rows = half_a_minute(config("angry >= 0.6 for 5 s", "happy >= 0.6 for 5 s"))
    (alert,) = [row for row in rows if row.kind == "alert"]
    assert (alert.start, alert.end, alert.flags) == (0.0, 5.0, ("derived", "alert:angry-for-5-s"))
    assert rows[rows.index(alert) - 1].end == 5.0


def test_without_rules_there_are_no_alerts() -> None:
    assert all(row.kind != "alert" for row in half_a_minute(Config()))


def test_a_rule_that_the_model_could_never_fulfil_is_refused() -> None:
    fake = ConstantRecognizer(("angry", "happy"))
    with pytest.raises(ConfigError, match=r"'sad >= 0\.6 for 5 s': the model knows only angry, ha"):
        pipeline_factory(config("x: sad >= 0.6 for 5 s"), fake)
    pipeline_factory(config("any negative for 5 s", "valence <= 0 for 5 s"), fake)
    with pytest.raises(ConfigError, match="knows only happy"):
        pipeline_factory(config("any negative for 5 s"), ConstantRecognizer(("happy",)))
