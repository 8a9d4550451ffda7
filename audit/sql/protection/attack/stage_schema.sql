CREATE SCHEMA attack_stage AUTHORIZATION {owner};
CREATE SCHEMA attack_stage_two AUTHORIZATION {owner}
