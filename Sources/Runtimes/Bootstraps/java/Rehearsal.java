package apus.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Invocations of a handler of its own by a platform of its own, that nobody hears of: they load, and compile, what every
 * function will need.
 */
public final class Rehearsal implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    private static final int INVOCATIONS = 100;
    private static final String EVENT = "{\"name\": \"\\u00e9\", \"list\": [1, 2.5, true, null, \"text\"]}";

    /** A bean, for what beans load. */
    public static final class Item {
        private String name;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }
    }

    /** What is printed nowhere. */
    private static final class Nothing extends OutputStream {
        @Override
        public void write(int each) {}

        @Override
        public void write(byte[] bytes, int offset, int length) {}
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        Map<String, Object> answer = new LinkedHashMap<String, Object>(event);
        answer.put("item", Mapper.read("{\"name\":\"n\"}", Item.class));
        answer.put("left", context.getRemainingTimeInMillis());
        context.getLogger().log("rehearsed");
        Fault.document(new IllegalStateException("text"));
        return answer;
    }

    /** Rehearses until there is something to read in `told`: then it is time for the function. */
    static void run(InputStream told) throws Exception {
        PrintStream output = System.out;
        System.setOut(new PrintStream(new Nothing(), true, "UTF-8"));
        final ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"));
        Thread platform = new Thread() {
            @Override
            public void run() {
                answer(server);
            }
        };
        platform.setDaemon(true);
        platform.start();
        RuntimeApi api = new RuntimeApi("127.0.0.1:" + server.getLocalPort());
        Log log = new Log(null, null);
        Bootstrap.setLogger(log);
        ClassLoader loader = Bootstrap.classes("/var/task");
        Bootstrap bootstrap = new Bootstrap(api, log);
        Handler handler = Handler.find(Rehearsal.class.getName(), loader);
        for (int i = 0; i < INVOCATIONS && told.available() == 0; i++) {
            bootstrap.serve(handler, loader);
            if (i == 0) load();
        }
        api.close();
        server.close();
        platform.join();
        System.setOut(output);
    }

    /** A class in the way of functions' classes, by a loader of its own and verified, and a file of a directory. */
    private static void load() throws Exception {
        URL own = Rehearsal.class.getProtectionDomain().getCodeSource().getLocation();
        URLClassLoader loader = new URLClassLoader(new URL[] {new URL("file", null, -1, "/var/runtime/java/"), own}, null);
        loader.getResource("flags");
        Class.forName(Item.class.getName(), true, loader);
        loader.close();
    }

    private static void answer(ServerSocket server) {
        String event = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\nContent-Length: " + EVENT.length() + "\r\n\r\n" + EVENT;
        String accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        byte[][] answers = {event.getBytes(StandardCharsets.US_ASCII), accepted.getBytes(StandardCharsets.US_ASCII)};
        try {
            Socket socket = server.accept();
            try {
                socket.setTcpNoDelay(true);
                InputStream input = socket.getInputStream();
                byte[] buffer = new byte[4096];
                // Each request is one segment.
                for (int i = 0; input.read(buffer) > 0; i++) socket.getOutputStream().write(answers[i % 2]);
            } finally {
                socket.close();
            }
        } catch (IOException e) {
            // It was over before it began, or the other side hears of it.
        }
    }

    /** Rehearses and leaves, for the archive of class data from which later virtual machines start faster. */
    public static void main(String[] arguments) throws Exception {
        run(new ByteArrayInputStream(new byte[0]));
        try {
            new Variables(Internals.lookup());
        } catch (Throwable e) {
            // Then nothing can start ahead, and its classes are not needed.
        }
        System.exit(0);
    }
}
