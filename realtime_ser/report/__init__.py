"""Pictures for people who were not there."""
