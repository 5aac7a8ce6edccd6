"""The invariants, one file for each thing that they are about. Pure: evidence in, violations out."""
