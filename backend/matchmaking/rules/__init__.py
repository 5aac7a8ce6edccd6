"""The rules of each queue, read from `queues.toml` and checked whole before anything starts."""

from matchmaking.rules.reader import RulesError, RulesUnreadable, load_rules
from matchmaking.rules.values import Placement, QueueRules, Rules

__all__ = ["Placement", "QueueRules", "Rules", "RulesError", "RulesUnreadable", "load_rules"]
