ICU_LOCALE {value}
