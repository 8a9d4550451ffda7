ICU_RULES {value}
