package com.amazonaws.services.lambda.runtime.logging;

/** How grave a log record is. UNDEFINED, of messages that were given no level, is never filtered. */
public enum LogLevel {
    UNDEFINED,
    TRACE,
    DEBUG,
    INFO,
    WARN,
    ERROR,
    FATAL;

    public static LogLevel fromString(String name) {
        try {
            return valueOf(name.toUpperCase());
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(
                    "Invalid log level: '" + name + "' expected one of [TRACE, DEBUG, INFO, WARN, ERROR, FATAL]");
        }
    }
}
