"""What parties agreed, each thing a fold of leaves with one transition table."""
