"""Every error a person can meet in audit: a stable code, a plain sentence and a hint that says what to do.

Entry points (admin, command line, tasks) catch ``TovgovError`` and nothing wider; a bug propagates.

A module a subject: whoever adds an error sees beside it those that mean nearly the same. A class is five lines without
logic. All of them are found here by name, and ``docs/errors.md`` lists their codes.
"""

from audit.exceptions.answers import *
from audit.exceptions.base import *
from audit.exceptions.evidence import *
from audit.exceptions.imports import *
from audit.exceptions.incident_reports import *
from audit.exceptions.incidents import *
from audit.exceptions.lists import *
from audit.exceptions.losses import *
from audit.exceptions.people import *
from audit.exceptions.postmortems import *
from audit.exceptions.protection import *
from audit.exceptions.records import *
from audit.exceptions.reports import *
from audit.exceptions.seals import *
from audit.exceptions.targets import *
from audit.exceptions.timeline import *
from audit.exceptions.undelete import *
from audit.exceptions.watching import *
