"""Who asks, and which folder is all there is to them."""
