"""The ticket of a party whose member goes. Parties know nothing of queues, so they are handed this."""


def take_out(party_id: str, player_id: str) -> None:
    """Nothing yet: no store has tickets of parties."""
