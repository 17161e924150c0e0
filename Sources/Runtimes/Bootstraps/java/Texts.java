package apus.lambda;

import java.io.File;
import java.net.InetAddress;
import java.net.URI;
import java.net.URL;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.Currency;
import java.util.Locale;
import java.util.TimeZone;
import java.util.UUID;
import java.util.regex.Pattern;

/** Classes whose values are one string in JSON. */
final class Texts {
    private static final Class<?>[] CLASSES = {
        UUID.class, URI.class, URL.class, Locale.class, Currency.class, TimeZone.class, Charset.class, File.class, Path.class, Pattern.class, InetAddress.class,
    };

    private Texts() {}

    static boolean isText(Class<?> type) {
        for (Class<?> known : CLASSES) {
            if (known.isAssignableFrom(type)) return true;
        }
        return type.getName().startsWith("org.joda.time.");
    }

    /** Whether values of the class are objects with properties. */
    static boolean isBean(Class<?> type) {
        return !type.getName().startsWith("java.") && !type.isEnum() && !type.isArray() && !type.isPrimitive() && !isText(type)
                && !Iterable.class.isAssignableFrom(type) && !java.util.Map.class.isAssignableFrom(type)
                && !CharSequence.class.isAssignableFrom(type) && !Number.class.isAssignableFrom(type);
    }

    static String write(Object value) {
        if (value instanceof TimeZone) return ((TimeZone) value).getID();
        if (value instanceof InetAddress) return ((InetAddress) value).getHostAddress();
        return value.toString();
    }

    static Object read(String text, Class<?> type) throws Exception {
        if (type == UUID.class) return UUID.fromString(text);
        if (type == URI.class) return URI.create(text);
        if (type == URL.class) return URI.create(text).toURL();
        if (type == Locale.class) return Locale.forLanguageTag(text.replace('_', '-'));
        if (type == Currency.class) return Currency.getInstance(text);
        if (type == TimeZone.class) return TimeZone.getTimeZone(text);
        if (type == Charset.class) return Charset.forName(text);
        if (type == File.class) return new File(text);
        if (type == Path.class) return new File(text).toPath();
        if (type == Pattern.class) return Pattern.compile(text);
        if (type == InetAddress.class) return InetAddress.getByName(text);
        return type.getMethod("parse", String.class).invoke(null, text);
    }
}
