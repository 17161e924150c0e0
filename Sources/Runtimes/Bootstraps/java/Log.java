package apus.lambda;

import com.amazonaws.services.lambda.runtime.LambdaLogger;
import com.amazonaws.services.lambda.runtime.logging.LogFormat;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/** The function's log: what is logged at once is one record, its lines separated by carriage returns. */
final class Log implements LambdaLogger {
    private final LogFormat format;
    private final LogLevel least;
    /** The invocation that runs. */
    volatile String requestId;
    volatile String tenantId;

    Log(String format, String level) {
        this.format = LogFormat.fromString(format == null || format.isEmpty() ? "TEXT" : format);
        this.least = LogLevel.fromString(level == null || level.isEmpty() ? "UNDEFINED" : level);
    }

    @Override
    public void log(String message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(byte[] message) {
        log(message, LogLevel.UNDEFINED);
    }

    @Override
    public void log(String message, LogLevel level) {
        if (level != LogLevel.UNDEFINED && level.ordinal() < least.ordinal()) return;
        if (format == LogFormat.JSON) write(record(message, level));
        else write(level == LogLevel.UNDEFINED ? String.valueOf(message) : "[" + level + "] " + message);
    }

    @Override
    public void log(byte[] message, LogLevel level) {
        if (level != LogLevel.UNDEFINED && level.ordinal() < least.ordinal()) return;
        write(message == null ? "null" : new String(message, StandardCharsets.UTF_8));
    }

    void error(Fault fault) {
        log(fault.report(), format == LogFormat.JSON ? LogLevel.ERROR : LogLevel.UNDEFINED);
    }

    private String record(String message, LogLevel level) {
        Map<String, Object> record = new LinkedHashMap<String, Object>();
        String now = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
        record.put("timestamp", now.length() == 20 ? now.substring(0, 19) + ".000Z" : now);
        record.put("message", message);
        record.put("level", level);
        record.put("AWSRequestId", requestId);
        record.put("tenantId", tenantId);
        return new String(Writer.bytes(record), StandardCharsets.UTF_8);
    }

    private static void write(String text) {
        int end = text.length();
        while (end > 0 && text.charAt(end - 1) == '\n') end--;
        byte[] line = (text.substring(0, end).replace('\n', '\r') + "\n").getBytes(StandardCharsets.UTF_8);
        synchronized (System.out) {
            System.out.write(line, 0, line.length);
            System.out.flush();
        }
    }
}
