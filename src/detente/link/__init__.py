"""One peer: bytes to events and back."""
