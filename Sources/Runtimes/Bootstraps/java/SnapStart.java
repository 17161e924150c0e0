package apus.lambda;

import com.amazonaws.services.lambda.crac.Core;
import java.io.IOException;

/** SnapStart: what the function does on both sides of a snapshot, which may be far apart in time. */
final class SnapStart {
    private SnapStart() {}

    /** Before any class of the function is loaded: where `org.crac` is to look. */
    static void prepare() {
        System.setProperty("org.crac.Core.Compat", "com.amazonaws.services.lambda.crac");
    }

    /** The function is loaded: waits to be restored, if this environment is one that will be. */
    static void await(RuntimeApi api, Log log) throws IOException {
        if (!"snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) return;
        try {
            Core.getGlobalContext().beforeCheckpoint(null);
            flush();
            api.restoreNext();
        } catch (Exception error) {
            log.error(Fault.of(error, true));
            flush();
            api.failInit(Fault.document(error), "Runtime.BeforeCheckpointError");
            System.exit(64);
        }
        try {
            Core.getGlobalContext().afterRestore(null);
            flush();
        } catch (Exception error) {
            log.error(Fault.of(error, true));
            flush();
            api.failRestore(Fault.document(error), "Runtime.AfterRestoreError");
            System.exit(64);
        }
    }

    private static void flush() {
        System.out.flush();
        System.err.flush();
    }
}
