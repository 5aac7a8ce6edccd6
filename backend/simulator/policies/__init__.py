"""Who decides: our engine as production runs it, and the peers as their descriptions say."""
