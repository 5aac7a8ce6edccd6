"""Whether parties fit the teams of a match without parting one; compiled by numba."""

import numpy as np
from numba import njit


@njit(cache=True)
def fits(counts: np.ndarray, teams: int, team_size: int, apart: int) -> bool:
    """Whether `counts[s]` parties of s players each, for every s above 1, find seats in `teams` of `team_size`.

    Of the parties of `apart` players, where that is not 0, two must be in different teams. The largest is seated
    first, each in the fullest team that has room. For teams of up to six that finds seats whenever there are some;
    for larger ones it may miss a cleverer seating.
    """
    rooms = np.zeros(team_size + 1, dtype=np.int64)  # by free seats, how many teams have so many
    rooms[team_size] = teams
    if apart:
        if teams < 2 or apart > team_size:
            return False
        rooms[team_size] -= 2
        rooms[team_size - apart] += 2
    for size in range(team_size, 1, -1):
        for _ in range(counts[size] - (2 if size == apart else 0)):
            room = size
            while room <= team_size and rooms[room] == 0:
                room += 1
            if room > team_size:
                return False
            rooms[room] -= 1
            rooms[room - size] += 1
    return True
