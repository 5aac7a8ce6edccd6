"""A lively evening on a running stack: players and game servers as real HTTP clients, and a judgement at the end."""
