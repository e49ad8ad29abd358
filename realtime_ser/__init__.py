"""Real-time speech emotion recognition: hear a voice, show its emotion, log it."""

__version__ = "0.1.0"
