"""The files that people write, one module a kind, as frozen pydantic models."""
