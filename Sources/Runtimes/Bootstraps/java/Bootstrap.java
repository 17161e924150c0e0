package apus.lambda;

import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.LambdaRuntimeInternal;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOError;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Runs a Java handler: loads it, then answers invocations of the Lambda Runtime API for ever. Compiled for Java 8 and used
 * on every later one. Written without lambdas, formats and streams: their first use costs a cold start dearly.
 */
public final class Bootstrap {
    private static final String TRACE = "com.amazonaws.xray.traceHeader";

    private final RuntimeApi api;
    private final Log log;

    Bootstrap(RuntimeApi api, Log log) {
        this.api = api;
        this.log = log;
    }

    public static void main(String[] arguments) throws Throwable {
        String binding = System.getenv(Ahead.BINDING);
        if (binding != null) Ahead.await(Integer.parseInt(binding));
        start();
    }

    private static void start() throws Exception {
        System.setOut(stream(FileDescriptor.out));
        System.setErr(stream(FileDescriptor.err));
        RuntimeApi api = new RuntimeApi(System.getenv("AWS_LAMBDA_RUNTIME_API"));
        Log log = new Log(System.getenv("AWS_LAMBDA_LOG_FORMAT"), System.getenv("AWS_LAMBDA_LOG_LEVEL"));
        setLogger(log);
        SnapStart.prepare();
        String root = System.getenv("LAMBDA_TASK_ROOT");
        ClassLoader loader = classes(root == null ? "/var/task" : root);
        Thread.currentThread().setContextClassLoader(loader);
        new Bootstrap(api, log).run(System.getenv("_HANDLER"), loader);
    }

    static void setLogger(Log log) throws ReflectiveOperationException {
        Field logger = LambdaRuntime.class.getDeclaredField("logger");
        logger.setAccessible(true);
        logger.set(null, log);
    }

    /** UTF-8 whatever the locale, each print at once: what a killed function wrote is in its log. */
    private static PrintStream stream(FileDescriptor descriptor) throws IOException {
        return new PrintStream(new BufferedOutputStream(new FileOutputStream(descriptor), 8192), true, "UTF-8");
    }

    /** AWS's order: the function's directory, its libraries, those of layers. The runtime's own classes go before them. */
    static ClassLoader classes(String root) throws MalformedURLException {
        List<URL> places = new ArrayList<URL>();
        places.add(new URL("file", null, -1, root + "/"));
        for (String directory : new String[] {root + "/lib", "/opt/java/lib"}) {
            String[] names = new File(directory).list();
            if (names == null) continue;
            Arrays.sort(names);
            for (String name : names) {
                if (name.endsWith(".jar") && name.length() > 4) places.add(new URL("file", null, -1, directory + "/" + name));
            }
        }
        return new URLClassLoader(places.toArray(new URL[0]), Bootstrap.class.getClassLoader());
    }

    private void run(String name, ClassLoader loader) throws IOException {
        Handler handler;
        try {
            handler = Handler.find(name, loader);
        } catch (Fault fault) {
            log.error(fault);
            api.failInit(Fault.document(fault), Fault.kind(fault));
            System.exit(1);
            return;
        }
        SnapStart.await(api, log);
        while (serve(handler, loader)) continue;
        System.exit(0);
    }

    /** False when the environment has to end. */
    boolean serve(Handler handler, ClassLoader loader) throws IOException {
        RuntimeApi.Answer answer = api.next();
        String requestId = answer.header("lambda-runtime-aws-request-id");
        String trace = answer.header("lambda-runtime-trace-id");
        if (trace != null) System.setProperty(TRACE, trace);
        else System.clearProperty(TRACE);
        log.requestId = requestId;
        log.tenantId = answer.header("lambda-runtime-aws-tenant-id");
        ByteArrayOutputStream result = new ByteArrayOutputStream(1024);
        try {
            if (LambdaRuntimeInternal.getUseLog4jAppender()) tellLog4j(loader, requestId);
            Invocation invocation = new Invocation(answer, log);
            handler.call(invocation.event(), result, invocation);
        } catch (Throwable error) {
            Fault.withoutRuntime(error);
            Fault fault = Fault.of(error, false);
            log.error(fault);
            api.fail(requestId, Fault.document(error), Fault.kind(error));
            return !(error instanceof VirtualMachineError || error instanceof IOError || fault.isFatal);
        }
        System.out.flush();
        System.err.flush();
        api.respond(requestId, result.toByteArray());
        // A function's interruption of its own thread ends with its invocation.
        Thread.interrupted();
        return true;
    }

    /** So that AWS's appender can name the request. */
    private static void tellLog4j(ClassLoader loader, String requestId) {
        try {
            Class<?> context = Class.forName("org.apache.logging.log4j.ThreadContext", true, loader);
            context.getMethod("put", String.class, String.class).invoke(null, "AWSRequestId", requestId);
        } catch (ReflectiveOperationException e) {
            System.err.println("Customer using log4j appender but unable to load org.apache.logging.log4j.ThreadContext. "
                    + "Customer cannot see RequestId in log4j log lines.");
        }
    }
}
