from __future__ import annotations

from pathlib import Path
from typing import Any

from realtime_ser.models import read_description
from realtime_ser.training.card import write_card
from tests.models import CLASSES, save_untrained


def metrics(uar: float) -> dict[str, Any]:
    return {
        "uar": uar, "wa": uar + 0.01, "ece": 0.04, "coverage": 0.9, "n": 100,
        "classes": list(CLASSES),
        "per_class": {name: {"recall": uar, "support": 9} for name in CLASSES},
        "by_sex": {"f": {"uar": uar + 0.02}, "m": {"uar": uar - 0.02}},
        "votes": {"uar": 0.5},
        "risk_coverage": [
            {"threshold": t, "coverage": 1.0 - t, "risk": 0.4 - t / 4} for t in (0.0, 0.4)
        ],
        "by_elapsed_speech": [{"from": 0.0, "to": 15.0, "uar": uar + 0.05, "n": 9}],
        "known": {"uar": uar + 0.1},
    }  # fmt: skip


def described(folder: Path) -> dict[str, Any]:
    description = read_description(save_untrained(folder, voice=8))
    description["training"] = {
        "run": "final", "seed": 0, "epochs": 3, "seconds": 90, "device": "cpu",
        "validation_speakers": ["1001"],
        "corpora": [{"name": "crema-d", "clips": 7, "licence": "ODbL"}],
    }  # fmt: skip
    return description


def test_the_card_has_the_siblings_scores_and_their_mean(tmp_path: Path) -> None:
    protocols = ("clip", "stream", "call")
    held_out = {
        fold: dict.fromkeys(protocols, metrics(uar)) for fold, uar in (("1", 0.6), ("2", 0.7))
    }
    write_card(tmp_path, described(tmp_path), 1234, held_out)
    card = (tmp_path / "README.md").read_text()
    assert "| 1 | 100 | 0.600 | 0.610 | 0.040 | 0.900 | 0.650 | 0.700 | 0.040 | 0.700 |" in card
    assert "| **mean** | | 0.650 | 0.660 | 0.040 | 0.900 | 0.700 | 0.750 | 0.040 | 0.750 |" in card
    assert "| 0.4 | 0.60 | 0.30 |" in card
    assert "UAR of women 0.670, of men 0.630" in card
    assert "ODbL" in card
    assert "Whisper" in card


def test_conditions_and_other_corpora_are_told(tmp_path: Path) -> None:
    held_out = {
        fold: dict.fromkeys(("clip", "stream", "call"), metrics(uar))
        | {"clip_telephone": metrics(uar - 0.03), "clip_emodb": metrics(0.8)}
        for fold, uar in (("1", 0.6), ("2", 0.7))
    }
    held_out["1"]["clip_room"] = metrics(0.5)  # not of every fold, so no mean
    held_out["2"]["clip_tess"] = metrics(0.4)  # a corpus with fewer folds
    elsewhere = {"ravdess": {"clip": metrics(0.5), "stream": metrics(0.55)}}
    write_card(tmp_path, described(tmp_path), 1234, held_out, elsewhere)
    card = (tmp_path / "README.md").read_text()
    assert "| telephone (300-3400 Hz, 8 kHz, G.711) | 200 | 0.620 | -0.030 | 0.040 |" in card
    assert "| emodb | 200 | 0.800 |  | 0.040 |" in card
    assert "| tess | 100 | 0.400 |  | 0.040 |" in card
    assert "impulse" not in card
    assert "| ravdess | 100 | 0.500 | 0.040 | 0.600 (9) | 0.650 |" in card


def test_a_class_that_the_folds_lack_has_no_recall(tmp_path: Path) -> None:
    held_out = {"1": dict.fromkeys(("clip", "stream", "call"), metrics(0.6))}
    absent = CLASSES[-1]
    held_out["1"]["clip"]["per_class"][absent]["support"] = 0
    write_card(tmp_path, described(tmp_path), 1234, held_out)
    card = (tmp_path / "README.md").read_text()
    assert f"UAR by chance: {1 / (len(CLASSES) - 1):.3f}" in card
    assert f"{absent} 0.60" not in card


def test_a_card_says_what_may_not_be_used_commercially(tmp_path: Path) -> None:
    description = described(tmp_path)
    write_card(tmp_path, description, 1234)
    assert "commercial" not in (tmp_path / "README.md").read_text()
    description["training"]["corpora"].append(
        {"name": "tess", "clips": 2800, "licence": "CC-BY-NC-ND-4.0"}
    )
    write_card(tmp_path, description, 1234)
    card = (tmp_path / "README.md").read_text()
    assert "## Not for commercial use\nThe terms of tess" in card
    assert "tess may not be passed on altered, either." in card
    assert "Pichora-Fuller" in card


def test_a_card_without_siblings_claims_nothing_of_them(tmp_path: Path) -> None:
    write_card(tmp_path, described(tmp_path), 1234, note="## Tuned\nNo claim.\n\n")
    card = (tmp_path / "README.md").read_text()
    assert "Held-out folds" not in card
    assert "## Tuned\nNo claim." in card


def test_a_tuned_models_card_does_not_call_its_owners_speech_acted(tmp_path: Path) -> None:
    description = described(tmp_path)
    description["scores"] = {"validation_uar": 0.5}
    write_card(tmp_path, description, 1234)
    assert "## Scores" in (tmp_path / "README.md").read_text()
    assert "The speech is acted" in (tmp_path / "README.md").read_text()
    description["training"]["base"] = "default"
    description["scores"] = {}
    write_card(tmp_path, description, 1234)
    card = (tmp_path / "README.md").read_text()
    assert "## Scores" not in card
    assert "The speech is acted" not in card
    assert "What `default` was made from is acted" in card
