"""Hostile weather for a real stack: players and servers over HTTP, faults from a seed, a judge who believes no log."""
