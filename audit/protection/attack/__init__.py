"""Attack: attempts against a clone of a target's schema, under the policy that is to hold, judged by what happened."""
