"""What a person sees and may order, by seat."""
