"""Who sends a request, and which folder that caller may see."""
