package apus.lambda;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** One kept-alive connection to the Runtime API (2018-06-01). A request is one write. */
final class RuntimeApi {
    /** What the API answered; header names are in lower case. */
    static final class Answer {
        final int status;
        final Map<String, String> headers = new HashMap<String, String>();
        byte[] body = {};

        Answer(int status) {
            this.status = status;
        }

        String header(String name) {
            return headers.get(name);
        }
    }

    private final String host;
    private final int port;
    private final String common;
    private Socket socket;
    private InputStream input;
    private OutputStream output;

    RuntimeApi(String authority) {
        int colon = authority.lastIndexOf(':');
        host = colon < 0 ? authority : authority.substring(0, colon);
        port = colon < 0 ? 80 : Integer.parseInt(authority.substring(colon + 1));
        common = "Host: " + authority + "\r\nUser-Agent: apus-java/1\r\n";
    }

    void close() throws IOException {
        if (socket != null) socket.close();
        socket = null;
    }

    /** Waits for an invocation. */
    Answer next() throws IOException {
        byte[] request = ("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n" + common + "\r\n").getBytes(StandardCharsets.ISO_8859_1);
        Answer answer = exchange(request);
        if (answer.status != 200) throw new IOException("GET next answered " + answer.status);
        return answer;
    }

    void respond(String requestId, byte[] body) throws IOException {
        post("/invocation/" + requestId + "/response", body, "");
    }

    void fail(String requestId, byte[] document, String type) throws IOException {
        post("/invocation/" + requestId + "/error", document, "Lambda-Runtime-Function-Error-Type: " + type + "\r\n");
    }

    void failInit(byte[] document, String type) throws IOException {
        post("/init/error", document, "Lambda-Runtime-Function-Error-Type: " + type + "\r\n");
    }

    /** Waits until the environment is restored. */
    void restoreNext() throws IOException {
        byte[] request = ("GET /2018-06-01/runtime/restore/next HTTP/1.1\r\n" + common + "\r\n").getBytes(StandardCharsets.ISO_8859_1);
        Answer answer = exchange(request);
        if (answer.status != 200) throw new IOException("GET restore/next answered " + answer.status);
    }

    void failRestore(byte[] document, String type) throws IOException {
        post("/restore/error", document, "Lambda-Runtime-Function-Error-Type: " + type + "\r\n");
    }

    /** Refusals (413 for an answer that is too long) are the platform's to report: the next invocation goes on. */
    private void post(String path, byte[] body, String headers) throws IOException {
        String head = "POST /2018-06-01/runtime" + path + " HTTP/1.1\r\n" + common + headers
                + "Content-Type: application/json\r\nContent-Length: " + body.length + "\r\n\r\n";
        byte[] start = head.getBytes(StandardCharsets.ISO_8859_1);
        byte[] request = new byte[start.length + body.length];
        System.arraycopy(start, 0, request, 0, start.length);
        System.arraycopy(body, 0, request, start.length, body.length);
        Answer answer = exchange(request);
        if (answer.status >= 500) throw new IOException("POST " + path + " answered " + answer.status);
    }

    /** A connection that the server closed while it was idle is replaced once. */
    private Answer exchange(byte[] request) throws IOException {
        boolean isKept = socket != null;
        while (true) {
            try {
                if (socket == null) connect();
                output.write(request);
                return read();
            } catch (IOException e) {
                if (socket != null) socket.close();
                socket = null;
                if (!isKept) throw e;
                isKept = false;
            }
        }
    }

    private void connect() throws IOException {
        Socket fresh = new Socket();
        fresh.setTcpNoDelay(true);
        fresh.connect(new InetSocketAddress(host, port));
        input = new BufferedInputStream(fresh.getInputStream(), 16384);
        output = fresh.getOutputStream();
        socket = fresh;
    }

    private Answer read() throws IOException {
        String first = line();
        int space = first.indexOf(' ');
        Answer answer = new Answer(Integer.parseInt(first.substring(space + 1, space + 4)));
        for (String line = line(); !line.isEmpty(); line = line()) {
            int colon = line.indexOf(':');
            if (colon > 0) answer.headers.put(line.substring(0, colon).toLowerCase(java.util.Locale.ROOT), line.substring(colon + 1).trim());
        }
        String length = answer.header("content-length");
        if ("chunked".equalsIgnoreCase(answer.header("transfer-encoding"))) answer.body = chunks();
        else if (length != null) answer.body = exactly(Integer.parseInt(length));
        if ("close".equalsIgnoreCase(answer.header("connection"))) {
            socket.close();
            socket = null;
        }
        return answer;
    }

    private String line() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream(128);
        for (int c = input.read(); c != '\n'; c = input.read()) {
            if (c < 0) throw new EOFException("the Runtime API closed the connection");
            line.write(c);
        }
        String text = new String(line.toByteArray(), StandardCharsets.UTF_8);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    private byte[] exactly(int length) throws IOException {
        byte[] bytes = new byte[length];
        for (int filled = 0; filled < length;) {
            int count = input.read(bytes, filled, length - filled);
            if (count < 0) throw new EOFException("the Runtime API closed the connection");
            filled += count;
        }
        return bytes;
    }

    private byte[] chunks() throws IOException {
        ByteArrayOutputStream body = new ByteArrayOutputStream();
        while (true) {
            String head = line();
            int end = head.indexOf(';');
            int size = Integer.parseInt((end < 0 ? head : head.substring(0, end)).trim(), 16);
            if (size == 0) break;
            body.write(exactly(size));
            line();
        }
        while (!line().isEmpty()) continue;
        return body.toByteArray();
    }
}
