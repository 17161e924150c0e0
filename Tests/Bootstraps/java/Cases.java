package example;

import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Date;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/** Handlers for the tests of the bootstrap. */
public class Cases {
    public static class Greeting implements RequestHandler<Map<String, Object>, String> {
        private int calls;

        @Override
        public String handleRequest(Map<String, Object> event, Context context) {
            return "Hello, " + event.get("name") + " " + (++calls) + "!";
        }
    }

    public static class Echo implements RequestHandler<Object, Object> {
        @Override
        public Object handleRequest(Object event, Context context) {
            return event;
        }
    }

    public static class Bytes implements RequestStreamHandler {
        @Override
        public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
            byte[] buffer = new byte[65536];
            for (int count = input.read(buffer); count > 0; count = input.read(buffer)) output.write(buffer, 0, count);
        }
    }

    public abstract static class Base<A, B> implements RequestHandler<B, A> {}

    public static class Inherited extends Base<List<Integer>, List<Order>> {
        @Override
        public List<Integer> handleRequest(List<Order> orders, Context context) {
            List<Integer> totals = new ArrayList<>();
            for (Order order : orders) totals.add(order.getLines().stream().mapToInt(line -> line.amount * line.getPrice()).sum());
            return totals;
        }
    }

    public enum Size { SMALL, LARGE }

    public static class Line {
        public int amount;
        private int price;

        public int getPrice() {
            return price;
        }

        void setPrice(int price) {
            this.price = price;
        }
    }

    public static class Order {
        private String id;
        private List<Line> lines = new ArrayList<>();
        private Size size;
        private Map<Size, String[]> notes;
        private Boolean isPaid;
        private boolean gift;
        private String URL;
        private Holder<Line> holder;
        private transient String hidden = "hidden";
        private String secret = "secret";

        public String getId() {
            return id;
        }

        public Order setId(String id) {
            this.id = id;
            return this;
        }

        public List<Line> getLines() {
            return lines;
        }

        public void setLines(List<Line> lines) {
            this.lines = lines;
        }

        public Size getSize() {
            return size;
        }

        public void setSize(Size size) {
            this.size = size;
        }

        public Map<Size, String[]> getNotes() {
            return notes;
        }

        public void setNotes(Map<Size, String[]> notes) {
            this.notes = notes;
        }

        public Boolean getIsPaid() {
            return isPaid;
        }

        public void setIsPaid(Boolean paid) {
            isPaid = paid;
        }

        public boolean isGift() {
            return gift;
        }

        public void setGift(boolean gift) {
            this.gift = gift;
        }

        public String getURL() {
            return URL;
        }

        public void setURL(String url) {
            URL = url;
        }

        public Holder<Line> getHolder() {
            return holder;
        }

        public void setHolder(Holder<Line> holder) {
            this.holder = holder;
        }
    }

    public static class Holder<T> {
        private T value;
        public List<T> more;

        public T getValue() {
            return value;
        }

        public void setValue(T value) {
            this.value = value;
        }
    }

    public static class Scalars {
        public byte b;
        public short s;
        public int i;
        public long l;
        public float f;
        public double d;
        public boolean z;
        public char c;
        public Integer boxed;
        public Long longBoxed;
        public Double real;
        public Boolean flag;
        public Character letter;
        public String text;
        public BigInteger big;
        public BigDecimal decimal;
        public Number number;
        public Object any;
        public byte[] bytes;
        public int[] ints;
        public char[] chars;
        public Size[] sizes;
        public Optional<String> maybe;
        public UUID uuid;
        public Date date;
        public Instant instant;
        public LocalDate day;
        public LocalDateTime moment;
        public Duration span;
        public Set<String> set;
        public TreeMap<Integer, Boolean> sorted;
        public EnumMap<Size, Integer> sized;
        public Map<String, List<Map<String, Integer>>> nested;
    }

    public Order order(Order order) {
        return order;
    }

    public static Scalars scalars(Scalars scalars, Context context) {
        return scalars;
    }

    public String[] types(Scalars scalars) {
        return new String[] {
            scalars.any.getClass().getName(), scalars.number.getClass().getName(), scalars.nested.getClass().getSimpleName(), scalars.set.getClass().getSimpleName(),
        };
    }

    public String text(String text) {
        return "<" + text + ">";
    }

    public int number(int number) {
        return number + 1;
    }

    public void nothing() {}

    public static String fromContext(Context context) {
        return context.getFunctionName();
    }

    public void in(InputStream input) {}

    public void out(OutputStream output, Context context) throws IOException {
        output.write(("[" + context.getMemoryLimitInMB() + "]").getBytes());
    }

    public String overloaded(String text) {
        return "one";
    }

    public String overloaded(String text, Context context) {
        return "context";
    }

    public String overloaded(String text, String other, String third) {
        return "three";
    }

    public String two(String text, String other) {
        return "two";
    }

    private String hidden(String text) {
        return "hidden";
    }

    public Map<String, Object> context(Map<String, Object> event, Context context) {
        Map<String, Object> seen = new LinkedHashMap<>();
        seen.put("request", context.getAwsRequestId());
        seen.put("group", context.getLogGroupName());
        seen.put("stream", context.getLogStreamName());
        seen.put("function", context.getFunctionName());
        seen.put("version", context.getFunctionVersion());
        seen.put("arn", context.getInvokedFunctionArn());
        seen.put("memory", context.getMemoryLimitInMB());
        seen.put("left", context.getRemainingTimeInMillis() > 15000 && context.getRemainingTimeInMillis() <= 20000);
        seen.put("tenant", context.getTenantId());
        seen.put("trace", context.getXrayTraceId());
        seen.put("property", System.getProperty("com.amazonaws.xray.traceHeader"));
        seen.put("logger", context.getLogger() == LambdaRuntime.getLogger());
        seen.put("loader", Thread.currentThread().getContextClassLoader() == Cases.class.getClassLoader());
        if (context.getIdentity() != null) seen.put("identity", Arrays.asList(context.getIdentity().getIdentityId(), context.getIdentity().getIdentityPoolId()));
        ClientContext client = context.getClientContext();
        if (client != null) seen.put("client", Arrays.asList(client.getClient().getAppTitle(), client.getClient().getAppPackageName(), client.getCustom(), client.getEnvironment()));
        return seen;
    }

    public static class Oops extends Exception {
        public Oops(String message, Throwable cause) {
            super(message, cause);
        }
    }

    public String fails(String text) throws Oops {
        throw new Oops(text.isEmpty() ? null : text, new IllegalStateException("why"));
    }

    public static class Fails implements RequestHandler<Object, Object> {
        @Override
        public Object handleRequest(Object event, Context context) {
            throw new IllegalArgumentException("boom é\nsecond line");
        }
    }

    public static class Unconstructable implements RequestHandler<Object, Object> {
        public Unconstructable() {
            throw new IllegalStateException("no way");
        }

        @Override
        public Object handleRequest(Object event, Context context) {
            return null;
        }
    }

    public static class Uninitialised implements RequestHandler<Object, Object> {
        static final int X = Integer.parseInt("x");

        @Override
        public Object handleRequest(Object event, Context context) {
            return null;
        }
    }

    public static class Private implements RequestHandler<Object, Object> {
        private Private() {}

        @Override
        public Object handleRequest(Object event, Context context) {
            return null;
        }
    }

    @SuppressWarnings("rawtypes")
    public static class Raw implements RequestHandler {
        @Override
        public Object handleRequest(Object event, Context context) {
            return null;
        }
    }

    public class Inner implements RequestHandler<Object, Object> {
        @Override
        public Object handleRequest(Object event, Context context) {
            return null;
        }
    }

    public String logs(String text, Context context) {
        System.out.println("one ☕");
        System.err.println("two");
        context.getLogger().log("three\nand a half");
        context.getLogger().log("four".getBytes());
        context.getLogger().log("five", LogLevel.WARN);
        context.getLogger().log("six", LogLevel.DEBUG);
        LambdaRuntime.getLogger().log((String) null);
        System.out.print("seven");
        return "";
    }

    public Object overflow(int depth) {
        return overflow(depth + 1).toString() + depth;
    }

    public String exit(int status) {
        System.out.println("last words");
        System.exit(status);
        return "";
    }

    public Object values(String which) {
        switch (which) {
            case "null": return null;
            case "special": return new Object[] {Double.NaN, Float.POSITIVE_INFINITY, 1e10, 1.5f, 'c', "\u0001\"\\/\u2028"};
            case "times": return new Object[] {Instant.ofEpochSecond(5, 1000), LocalDate.of(2026, 1, 2), LocalDateTime.of(2026, 1, 2, 3, 4), Duration.ofMillis(1500), new Date(7), Optional.empty(), Optional.of(1)};
            case "nulls":
                Map<String, Object> map = new HashMap<>();
                map.put("gone", null);
                map.put("list", Arrays.asList(null, 1));
                return map;
            case "cycle":
                List<Object> list = new ArrayList<>();
                list.add(list);
                return list;
            case "getter":
                return new Object() {
                    public String getBad() {
                        throw new IllegalStateException("no such thing");
                    }
                };
            case "empty": return new Object();
            default: return which;
        }
    }

    public static class Narrow {
        public int shown = 1;
    }

    public static class Wide extends Narrow {
        public int kept = 2;
    }

    public Narrow narrowed() {
        return new Wide();
    }

    public Object wide() {
        return new Wide();
    }

    /** What a process is started with, as Java, its children and its libraries find it. */
    public Map<String, Object> surroundings() throws Exception {
        Map<String, Object> found = new TreeMap<>();
        found.put("variables", System.getenv());
        found.put("one", System.getenv("OWN"));
        found.put("none", System.getenv("NONE"));
        found.put("inherited", lines(new ProcessBuilder("/usr/bin/env", "-0")));
        ProcessBuilder extended = new ProcessBuilder("/usr/bin/env", "-0");
        extended.environment().put("MORE", "m");
        found.put("extended", lines(extended));
        found.put("zone", java.util.TimeZone.getDefault().getID());
        found.put("input", System.in.read());
        found.put("directory", System.getProperty("user.dir"));
        found.put("here", new java.io.File("example").isDirectory());
        int sockets = 0;
        for (java.io.File file : new java.io.File("/proc/self/fd").listFiles()) {
            try {
                if (java.nio.file.Files.readSymbolicLink(file.toPath()).toString().startsWith("socket:")) sockets++;
            } catch (java.nio.file.NoSuchFileException e) {
                // That of the listing.
            }
        }
        found.put("sockets", sockets);
        try {
            Class.forName("java.lang.ProcessEnvironment").getDeclaredField("theEnvironment").setAccessible(true);
            found.put("internals", "open");
        } catch (RuntimeException e) {
            found.put("internals", e.getClass().getSimpleName());
        }
        return found;
    }

    private static List<String> lines(ProcessBuilder builder) throws IOException {
        InputStream input = builder.start().getInputStream();
        java.io.ByteArrayOutputStream output = new java.io.ByteArrayOutputStream();
        for (int c = input.read(); c >= 0; c = input.read()) output.write(c);
        List<String> lines = new ArrayList<>(Arrays.asList(output.toString("UTF-8").split("\0")));
        java.util.Collections.sort(lines);
        return lines;
    }
}
