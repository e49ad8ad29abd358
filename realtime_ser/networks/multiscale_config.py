"""Sizes of the default network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MultiscaleLstmConfig:
    """Sizes of the network; part of every model file."""

    n_classes: int = 6
    n_mels: int = 64
    frames_per_unit: int = 10
    channels: tuple[int, ...] = (16, 32, 48, 64)
    """Of the convolutions; each halves the number of bands."""
    embedding: int = 0
    """Values a unit that the mel branch gives; 0 leaves it out."""
    voice: int = 128
    """Values a segment that the speech trunk gives; 0 leaves the trunk out, and adaptation too."""
    trunk_layers: int = 2
    trunk_described: int = 2
    """So many of its last layers are listened to."""
    trunk_width: int = 512
    trunk_heads: int = 8
    trunk_block: int = 5
    """Units that the trunk hears together."""
    trunk_reach: int = 20
    """Units that the trunk's attention reaches back."""
    segment_units: tuple[int, ...] = (4, 8, 16, 0)
    """Segment lengths in units, from short to long; 0, the last one, is all of the utterance."""
    hidden: int = 96
    dropout: float = 0.3
    voice_dropout: float = 0.5
    prior: float = 30.0
    """Units of speech after which the speaker's own mean counts as much as everybody's."""
    steady: float = 200.0
    """The same of his own deviation."""
    memory: float = 1200.0
    """Units of speech after which the speaker's past begins to fade."""

    def ranges(self) -> list[tuple[str, float, float, float]]:
        """Key, value, least and greatest value: a model file may ask for no more than some GB."""
        return [
            ("n_classes", self.n_classes, 2, 100),
            ("n_mels", self.n_mels, 0, 1024),
            ("frames_per_unit", self.frames_per_unit, 1, 10_000),
            ("number of channels", len(self.channels), 0, 8),
            *(("channels", channels, 1, 512) for channels in self.channels),
            ("embedding", self.embedding, 0, 1024),
            ("voice", self.voice, 0, 1024),
            ("trunk_layers", self.trunk_layers, 1, 32),
            ("trunk_described", self.trunk_described, 1, self.trunk_layers),
            ("trunk_width", self.trunk_width, 1, 1280),
            ("trunk_heads", self.trunk_heads, 1, self.trunk_width),
            ("trunk_block", self.trunk_block, 1, 100),
            ("trunk_reach", self.trunk_reach, 0, 1000),
            ("number of segment_units", len(self.segment_units), 1, 16),
            *(("segment_units", units, 0, 1000) for units in self.segment_units),
            ("hidden", self.hidden, 1, 1024),
            ("dropout", self.dropout, 0.0, 0.99),
            ("voice_dropout", self.voice_dropout, 0.0, 0.99),
            ("prior", self.prior, 1e-3, 1e6),
            ("steady", self.steady, 1e-3, 1e6),
            ("memory", self.memory, 1e-3, 1e6),
        ]
