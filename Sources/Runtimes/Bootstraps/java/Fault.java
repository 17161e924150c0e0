package apus.lambda;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** An error as AWS shows it: of the function, or of what the function's settings name. */
final class Fault extends RuntimeException {
    private static final long serialVersionUID = 1;
    private static final String OWN = "apus.lambda.";

    private final String text;
    private final String type;
    private final String trace;
    /** Whether initialisation has failed, or the environment ends. */
    final boolean isFatal;

    private Fault(String text, String type, String trace, boolean isFatal) {
        super(text);
        this.text = text;
        this.type = type;
        this.trace = trace;
        this.isFatal = isFatal;
    }

    /** What the settings name is not there, or not fit. */
    static Fault of(String text) {
        return new Fault(text, null, null, false);
    }

    static Fault of(String text, Throwable cause, boolean isFatal) {
        return new Fault(text, cause.getClass().getName(), trace(cause), isFatal);
    }

    static Fault of(Throwable cause, boolean isFatal) {
        return cause instanceof Fault ? (Fault) cause : of(message(cause), cause, isFatal);
    }

    static Fault initialisation(Throwable cause, String name) {
        return of("Error loading class " + name + (cause.getMessage() == null ? "" : ": " + cause.getMessage()), cause, true);
    }

    private static String message(Throwable error) {
        return error.getLocalizedMessage() == null ? error.getClass().getName() : error.getLocalizedMessage();
    }

    /** The document for the caller. */
    static byte[] document(Throwable error) {
        Map<String, Object> document = new LinkedHashMap<String, Object>();
        if (error instanceof Fault) {
            document.put("errorMessage", ((Fault) error).text);
            document.put("errorType", ((Fault) error).type);
        } else {
            document.put("errorMessage", message(error));
            document.put("errorType", error.getClass().getName());
            StackTraceElement[] frames = error.getStackTrace();
            String[] lines = new String[frames.length];
            for (int i = 0; i < frames.length; i++) lines[i] = frames[i].toString();
            document.put("stackTrace", lines);
        }
        return Writer.bytes(document);
    }

    /** The error's class for the platform. */
    static String kind(Throwable error) {
        return error instanceof Fault ? "Runtime.BadFunctionCode" : "Runtime.UserException";
    }

    /** What the log says. */
    String report() {
        if (type == null && trace == null) return text + "\n";
        return text + ": " + (type == null ? "" : type) + "\n" + (trace == null ? "" : trace) + "\n";
    }

    private static String trace(Throwable error) {
        StringWriter text = new StringWriter();
        withoutRuntime(error).printStackTrace(new PrintWriter(text));
        return text.toString();
    }

    /** Takes the runtime's own frames, and those that called it, from an error and its causes. */
    static <T extends Throwable> T withoutRuntime(T error) {
        strip(error, Collections.newSetFromMap(new IdentityHashMap<Throwable, Boolean>()));
        return error;
    }

    private static void strip(Throwable error, Set<Throwable> seen) {
        if (error == null || !seen.add(error)) return;
        StackTraceElement[] frames = error.getStackTrace();
        for (int i = 0; i < frames.length; i++) {
            if (!frames[i].getClassName().startsWith(OWN)) continue;
            StackTraceElement[] kept = new StackTraceElement[i];
            System.arraycopy(frames, 0, kept, 0, i);
            error.setStackTrace(kept);
            break;
        }
        strip(error.getCause(), seen);
        for (Throwable suppressed : error.getSuppressed()) strip(suppressed, seen);
    }
}
