"""Virtual clock, lossy network, faulty store: shipped, for other implementers too."""
