"""changegate: judge every change of a deploy, and keep signed evidence of it."""

__version__ = "0.1.0"
