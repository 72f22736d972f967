"""mlgitops: your git repository is the ML platform."""

__version__ = "0.1.0"
