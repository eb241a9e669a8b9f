"""Verdicts become alerts: raised, held, cleared, each with its reason; and the ladder that an unanswered one climbs."""
