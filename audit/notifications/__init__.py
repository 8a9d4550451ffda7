"""Notifications: people are told of alerts through channels that Apprise speaks to; a worker sends, never a request."""
