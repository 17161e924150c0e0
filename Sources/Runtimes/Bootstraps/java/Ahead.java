package apus.lambda;

import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.TimeZone;

/** The time of a virtual machine before it is known for which function it was started. */
final class Ahead {
    /** Names the descriptor over which the function's variables come. */
    static final String BINDING = "APUS_BINDING";
    private static final String ZONE = "user.timezone";

    private Ahead() {}

    /**
     * Prepares what every function needs, then waits for the variables of the one that this process is to run, and takes
     * them for its own. Its directory is the init's to change.
     *
     * @throws Throwable when this Java cannot take on other variables: it ends before anybody counts on it.
     */
    static void await(int descriptor) throws Throwable {
        String zone = System.getProperty(ZONE);
        MethodHandles.Lookup lookup = Internals.lookup();
        Variables variables = new Variables(lookup);
        variables.replace(waiting());
        if (!"waiting".equals(System.getenv(BINDING))) throw new IllegalStateException("the variables have not changed");
        FileDescriptor opened = new FileDescriptor();
        lookup.findSetter(FileDescriptor.class, "fd", int.class).invokeExact(opened, descriptor);
        InputStream told = new FileInputStream(opened);
        if (told.available() == 0) Rehearsal.run(told);
        variables.replace(receive(told));
        // From the variables again, should it have been asked for.
        if (zone == null) System.clearProperty(ZONE);
        else System.setProperty(ZONE, zone);
        TimeZone.setDefault(null);
    }

    /** What is set by now, and another value for {@link #BINDING}. */
    private static byte[] waiting() throws IOException {
        ByteArrayOutputStream pairs = new ByteArrayOutputStream();
        for (Map.Entry<String, String> each : System.getenv().entrySet()) {
            String value = each.getKey().equals(BINDING) ? "waiting" : each.getValue();
            pairs.write((each.getKey() + "=" + value + "\0").getBytes());
        }
        return pairs.toByteArray();
    }

    /** A length of four bytes, and that many. */
    private static byte[] receive(InputStream input) throws IOException {
        byte[] length = exactly(input, 4);
        byte[] pairs = exactly(input, ByteBuffer.wrap(length).order(ByteOrder.nativeOrder()).getInt());
        input.close();
        return pairs;
    }

    private static byte[] exactly(InputStream input, int length) throws IOException {
        byte[] bytes = new byte[length];
        for (int filled = 0; filled < length;) {
            int count = input.read(bytes, filled, length - filled);
            // Nobody wants it.
            if (count < 0) Runtime.getRuntime().halt(0);
            filled += count;
        }
        return bytes;
    }
}
