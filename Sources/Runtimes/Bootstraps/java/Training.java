package apus.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Serves one invocation of its own and leaves: what it loads is what every function loads, and is put into the archive of
 * class data from which later virtual machines start faster.
 */
public final class Training implements RequestHandler<Map<String, Object>, Map<String, Object>> {
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

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        Map<String, Object> answer = new LinkedHashMap<String, Object>(event);
        answer.put("item", Mapper.read("{\"name\":\"n\"}", Item.class));
        answer.put("left", context.getRemainingTimeInMillis());
        context.getLogger().log("trained");
        Fault.document(new IllegalStateException("text"));
        return answer;
    }

    public static void main(String[] arguments) throws Exception {
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
        ClassLoader loader = Bootstrap.classes("/var/task");
        Bootstrap bootstrap = new Bootstrap(api, log);
        bootstrap.serve(Handler.find(Training.class.getName(), loader), loader);
        System.exit(0);
    }

    private static void answer(ServerSocket server) {
        String event = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 1\r\nLambda-Runtime-Deadline-Ms: 1\r\nContent-Length: " + EVENT.length() + "\r\n\r\n" + EVENT;
        String accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        try {
            Socket socket = server.accept();
            InputStream input = socket.getInputStream();
            byte[] buffer = new byte[4096];
            if (input.read(buffer) > 0) socket.getOutputStream().write(event.getBytes(StandardCharsets.US_ASCII));
            if (input.read(buffer) > 0) socket.getOutputStream().write(accepted.getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            System.exit(1);
        }
    }
}
