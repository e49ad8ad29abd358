"""The commands: one file each, with a function ``command`` that ``main`` imports on use."""
