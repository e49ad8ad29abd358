"""[9] Where timeline rows go."""
