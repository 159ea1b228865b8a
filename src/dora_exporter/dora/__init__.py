"""Events and the DORA definitions: pure rules, without input or output."""
