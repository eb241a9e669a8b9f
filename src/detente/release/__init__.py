"""What may leave: the default is withhold."""
