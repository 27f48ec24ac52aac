"""Flow Map Studio: watch a flow map learn."""

__version__ = "0.1.0"
