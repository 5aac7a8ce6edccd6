"""What a waiting player may expect, and why a match is long in coming. Pure: matches and tickets in, words out."""
