"""Numbers on arrays, without any I/O: export, parity, metrics, intervals, profiles, drift."""
