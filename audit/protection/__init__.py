"""Protection of targets: plan → approve → install → verify → drift → uninstall, and the attacks that test it."""
