"""Runbooks: checklists that say what to do, in which order, by which page; begun on an incident and ticked by people.

A template is a file in ``books``; what was begun keeps the words that it had then.
"""

from audit.runbooks.checklists import (
    add_step,
    begin,
    begin_by_itself,
    find,
    find_begun,
    offered,
    step_of,
    tick,
    untick,
)

__all__ = ["add_step", "begin", "begin_by_itself", "find", "find_begun", "offered", "step_of", "tick", "untick"]
