"""The simulator: what a queue's rules make players wait, and whom they meet, before anybody has to live with it.

Pure but for its command: `arrivals` who comes, `policies` who decides, `clockwork` what happens, `figures` what it was
like.
"""
