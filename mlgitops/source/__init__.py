"""Sources: what brings rows in. A snapshot of them becomes an artifact with a pin in git."""
