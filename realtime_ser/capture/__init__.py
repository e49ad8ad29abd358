"""[1] Where audio comes from: microphones, recordings, pipes."""
