"""How a demo can end otherwise than well. Same habit as ``audit.exceptions``."""

from __future__ import annotations

from audit.exceptions import ExitStatus, Refusal, TovgovError


class StorySpoiled(TovgovError):
    code = "demo.spoiled"
    sentence = "A step of the demo did not go as it must."
    advice = "The job's log in the admin says why. Please report it with the lines above."


class NotProved(TovgovError):
    code = "demo.not_proved"
    exit_status = ExitStatus.PROOF_FAILED
    sentence = "What came back is not what was there."
    advice = "This is a fault of tovgov: please report it with the lines above."


class DemoRuns(Refusal):
    code = "demo.runs_already"
    sentence = "A demo runs already."
    advice = "Use that one, or end it with Ctrl-C first."


class ObjectStoreMissing(Refusal):
    code = "demo.object_store_missing"
    sentence = "The S3 server for --s3 is not installed."
    advice = "Use make demo ARGS=--s3 (it installs requirements-dev.txt), or leave --s3 away."


class FolderNotOurs(Refusal):
    code = "demo.folder_not_ours"
    sentence = "The demo's folder holds something that no demo made."
    advice = "Move it away, or set TOVGOV_VAR to another folder. Nothing was removed."
