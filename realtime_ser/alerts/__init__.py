"""Rules over the rows of a stream: what they say, when they fire, and who is told."""
