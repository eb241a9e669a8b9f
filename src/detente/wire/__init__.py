"""The format on the link, and nothing else."""
