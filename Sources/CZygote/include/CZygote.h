/// Nothing: what the library defines is found by the dynamic linker alone.
