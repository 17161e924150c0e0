package apus.lambda;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalAmount;
import java.util.Base64;
import java.util.Calendar;
import java.util.Date;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;

/** Writes objects as JSON: what a bean or a map has nothing of is left out, text is not escaped beyond need. */
final class Writer {
    private final StringBuilder out = new StringBuilder(256);
    private int depth;

    /** `declared` is what the handler's signature says: a bean shows no more than that class has. */
    static void write(Object value, Class<?> declared, OutputStream to) throws IOException {
        Writer writer = new Writer();
        boolean isNarrowed = value != null && declared != value.getClass() && declared.isInstance(value) && !declared.isInterface()
                && declared != Object.class && Texts.isBean(declared);
        if (isNarrowed) writer.bean(value, declared);
        else writer.value(value);
        to.write(writer.out.toString().getBytes(StandardCharsets.UTF_8));
    }

    static byte[] bytes(Object value) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            write(value, Object.class, bytes);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
        return bytes.toByteArray();
    }

    private void value(Object value) {
        if (value == null || value instanceof Boolean) out.append(value);
        else if (value instanceof CharSequence) string(value.toString());
        else if (value instanceof Number) number((Number) value);
        else if (value instanceof Character) string(value.toString());
        else if (value instanceof Enum) string(((Enum<?>) value).name());
        else if (value instanceof Map) map((Map<?, ?>) value);
        else if (value instanceof Iterable && !(value instanceof java.nio.file.Path)) sequence(((Iterable<?>) value).iterator());
        else if (value.getClass().isArray()) array(value);
        else special(value);
    }

    private void special(Object value) {
        if (value instanceof Iterator) sequence((Iterator<?>) value);
        else if (value instanceof Map.Entry) entry((Map.Entry<?, ?>) value);
        else if (value instanceof Optional) value(((Optional<?>) value).isPresent() ? ((Optional<?>) value).get() : null);
        else if (value instanceof OptionalInt) value(((OptionalInt) value).isPresent() ? ((OptionalInt) value).getAsInt() : null);
        else if (value instanceof OptionalLong) value(((OptionalLong) value).isPresent() ? ((OptionalLong) value).getAsLong() : null);
        else if (value instanceof OptionalDouble) value(((OptionalDouble) value).isPresent() ? ((OptionalDouble) value).getAsDouble() : null);
        else if (value instanceof AtomicBoolean) out.append(((AtomicBoolean) value).get());
        else if (value instanceof AtomicReference) value(((AtomicReference<?>) value).get());
        else if (value instanceof Date) out.append(((Date) value).getTime());
        else if (value instanceof Calendar) out.append(((Calendar) value).getTimeInMillis());
        else if (value instanceof ByteBuffer) string(Base64.getEncoder().encodeToString(remaining((ByteBuffer) value)));
        else if (value instanceof Class) string(((Class<?>) value).getName());
        else if (value instanceof TemporalAccessor || value instanceof TemporalAmount) time(value);
        else if (Texts.isText(value.getClass())) string(Texts.write(value));
        else bean(value, value.getClass());
    }

    private void time(Object value) {
        Object plain = Times.plain(value);
        if (plain instanceof String) string((String) plain);
        else value(plain);
    }

    private static byte[] remaining(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private void number(Number value) {
        boolean isReal = value instanceof Double || value instanceof Float;
        if (isReal && (Double.isNaN(value.doubleValue()) || Double.isInfinite(value.doubleValue()))) string(value.toString());
        else out.append(value.toString());
    }

    private void enter() {
        if (++depth > Json.DEPTH) {
            throw new Json.Problem("Document nesting depth (" + depth + ") exceeds the maximum allowed (" + Json.DEPTH + ")");
        }
    }

    private void map(Map<?, ?> map) {
        enter();
        out.append('{');
        boolean isFirst = true;
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            if (entry.getKey() == null) throw new Json.Problem("Null key for a Map not allowed in JSON (use a converting NullKeySerializer?)");
            if (entry.getValue() == null) continue;
            if (!isFirst) out.append(',');
            isFirst = false;
            key(entry.getKey());
            value(entry.getValue());
        }
        out.append('}');
        depth--;
    }

    private void entry(Map.Entry<?, ?> entry) {
        out.append('{');
        key(String.valueOf(entry.getKey()));
        value(entry.getValue());
        out.append('}');
    }

    private void key(Object key) {
        string(key instanceof Enum ? ((Enum<?>) key).name() : key instanceof Class ? ((Class<?>) key).getName() : key.toString());
        out.append(':');
    }

    private void sequence(Iterator<?> items) {
        enter();
        out.append('[');
        for (boolean isFirst = true; items.hasNext(); isFirst = false) {
            if (!isFirst) out.append(',');
            value(items.next());
        }
        out.append(']');
        depth--;
    }

    private void array(Object array) {
        if (array instanceof byte[]) {
            string(Base64.getEncoder().encodeToString((byte[]) array));
        } else if (array instanceof char[]) {
            string(new String((char[]) array));
        } else {
            enter();
            out.append('[');
            for (int i = 0, length = Array.getLength(array); i < length; i++) {
                if (i > 0) out.append(',');
                value(Array.get(array, i));
            }
            out.append(']');
            depth--;
        }
    }

    private void bean(Object bean, Class<?> type) {
        enter();
        out.append('{');
        boolean isFirst = true;
        for (Bean.Property property : Bean.of(type).properties) {
            if (!property.isReadable()) continue;
            Object value;
            try {
                value = property.get(bean);
            } catch (Throwable e) {
                String path = " (through reference chain: " + type.getName() + "[\"" + property.name + "\"])";
                throw new Json.Problem((e.getMessage() == null ? "(was " + e.getClass().getName() + ")" : e.getMessage()) + path, e);
            }
            if (value == null) continue;
            if (value == bean) throw new Json.Problem("Direct self-reference leading to cycle (through reference chain: " + type.getName() + "[\"" + property.name + "\"])");
            if (!isFirst) out.append(',');
            isFirst = false;
            key(property.name);
            value(value);
        }
        out.append('}');
        depth--;
    }

    private void string(String text) {
        out.append('"');
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c >= ' ' && c != '"' && c != '\\') continue;
            out.append(text, start, i);
            start = i + 1;
            switch (c) {
                case '"': out.append("\\\""); break;
                case '\\': out.append("\\\\"); break;
                case '\b': out.append("\\b"); break;
                case '\f': out.append("\\f"); break;
                case '\n': out.append("\\n"); break;
                case '\r': out.append("\\r"); break;
                case '\t': out.append("\\t"); break;
                default: out.append("\\u00").append(c < 16 ? "0" : "1").append("0123456789ABCDEF".charAt(c & 15));
            }
        }
        out.append(text, start, text.length()).append('"');
    }
}
