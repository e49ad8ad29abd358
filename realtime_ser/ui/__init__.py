"""The live screen (Textual) and plain lines. Only modules of this package import textual."""
