"""Results → text for people, JSON, pages. Nothing here gathers, decides or prints."""
