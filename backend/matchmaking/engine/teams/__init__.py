"""Who plays together and in which team: the pure decision of one round for teams and free-for-all.

A round in order of the files: `units` (parties become units that are never parted), `ties` (who must not meet, who
met lately), `regions` (the lines that may play in one region), `mixes` (which parties go into one match), `seeking`
(line after line, until no more groups come), `walking` (the best groups of a line), `splitting` (the teams of a
group), `grouping` (the whole).
"""
