"""What each command does: gather, decide in pure code, act through a seam. One module a verb."""
