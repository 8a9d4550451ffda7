COMMENT ON FUNCTION {function} IS {mark}
