"""Errors of alerts, channels, anomaly rules and noise."""

from __future__ import annotations

from audit.exceptions.base import InfrastructureFault, Refusal, UsageError


class AlertResolved(Refusal):
    code = "alert.resolved"
    sentence = "This alert is over already."
    advice = "A new one opens when its cause comes back; silence that one."


class SilenceInvalid(UsageError):
    code = "alert.silence_invalid"
    sentence = "A silence ends in the future, within 30 days."
    advice = "Choose a moment by which somebody will have looked; silence it again if need be."


class NoSuchAlert(UsageError):
    code = "alert.unknown"
    sentence = "There is no such alert."
    advice = "The page Alerts lists them with their numbers."


class ChannelInvalid(UsageError):
    code = "channel.invalid"
    sentence = "These facts do not describe a notification channel."
    advice = "Correct what the sentence names; docs/alerts.md shows an address of each common kind."


class ChannelNameTaken(UsageError):
    code = "channel.name_taken"
    sentence = "There is a notification channel of this name already."
    advice = "Choose another name, or change that one."


class NoSuchChannel(UsageError):
    code = "channel.unknown"
    sentence = "There is no such notification channel."
    advice = "channels list shows them; names are exact."


class NotSent(InfrastructureFault):
    code = "channel.not_sent"
    sentence = "The message was not taken."
    advice = "Compare the address with what the service gave you, enter it anew, and test again."


class AnomalySettingInvalid(UsageError):
    code = "anomaly.setting_invalid"
    sentence = "This is no setting of an anomaly rule."
    advice = "anomalies list shows each rule's settings; docs/anomalies.md explains them."


class NoSuchAnomalyRule(UsageError):
    code = "anomaly.unknown_rule"
    sentence = "There is no such anomaly rule."
    advice = "anomalies list shows them."


class DryRunTooLong(Refusal):
    code = "anomaly.dry_run_too_long"
    sentence = "The rule could not be tried on so much in the time that a page has."
    advice = "Choose fewer days, or try it on the command line, which takes its time: manage.py anomalies dry-run."


class NoisePatternWrong(UsageError):
    code = "noise.pattern_wrong"
    sentence = "This pattern cannot be used."
    advice = "Patterns are RE2's: no look-around, no back references. docs/noise.md has examples."


class NoiseReasonMissing(UsageError):
    code = "noise.reason_missing"
    sentence = "A noise filter needs a reason."
    advice = "Say in a sentence why nobody has to look at these entries; it stands in the ledger."


class NoiseHidesCritical(Refusal):
    code = "noise.hides_critical"
    sentence = "This filter would hide entries of a critical class."
    advice = "Narrow the pattern or name a class: disk full, corruption, crashes and the like are always shown."


class NoiseSettingsWrong(UsageError):
    code = "noise.settings_wrong"
    sentence = "These log settings do not fit."
    advice = "docs/log-classes.md lists the classes and the severities."


class NoSuchNoiseFilter(UsageError):
    code = "noise.unknown"
    sentence = "There is no such noise filter."
    advice = "See their numbers with manage.py noise list."
