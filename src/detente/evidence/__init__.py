"""What happened, provably. Knows nothing of aircraft; importable alone with cryptography, pynacl and msgspec."""
