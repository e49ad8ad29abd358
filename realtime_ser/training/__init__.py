"""Training, evaluation and their data; nothing here is needed to run live."""
