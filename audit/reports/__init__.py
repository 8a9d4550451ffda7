"""Reports: what happened in a period, on which targets, with what they cannot know. One file a report in ``kinds``;
those of other apps come through ``audit/registry.py``."""
