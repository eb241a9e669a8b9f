"""The picture becomes verdicts: conflict, incursion, approach, not assessed. Never "safe"."""
