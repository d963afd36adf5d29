"""One module for each group of routes. Thin: what they decide is decided in the pure modules."""
