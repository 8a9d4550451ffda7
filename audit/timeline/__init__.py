"""The timeline of an incident: assembled from what tovgov knows, completed by people, never shortened.

``assemble`` takes from the records, ``edit`` is what people do; a hidden line stays on record.
"""

from audit.timeline.assembling import CAP, Assembled, assemble, watch
from audit.timeline.edit import LONGEST as LONGEST_NOTE
from audit.timeline.edit import add, hide, line, pin, unhide, unpin

__all__ = ["CAP", "LONGEST_NOTE", "Assembled", "add", "assemble", "hide", "line", "pin", "unhide", "unpin", "watch"]
