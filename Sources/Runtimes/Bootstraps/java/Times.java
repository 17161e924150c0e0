package apus.lambda;

import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.Year;
import java.time.YearMonth;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Calendar;
import java.util.Date;
import java.util.List;

/** Points and spans of time: points are seconds since 1970 with nine decimals, local times lists of their parts. */
final class Times {
    private Times() {}

    static Object plain(Object time) {
        if (time instanceof Instant) return seconds(((Instant) time).getEpochSecond(), ((Instant) time).getNano());
        if (time instanceof OffsetDateTime) return plain(((OffsetDateTime) time).toInstant());
        if (time instanceof ZonedDateTime) return plain(((ZonedDateTime) time).toInstant());
        if (time instanceof Duration) return seconds(((Duration) time).getSeconds(), ((Duration) time).getNano());
        if (time instanceof LocalDate) return date((LocalDate) time);
        if (time instanceof LocalTime) return clock(new ArrayList<Integer>(), (LocalTime) time);
        if (time instanceof LocalDateTime) return clock(date(((LocalDateTime) time).toLocalDate()), ((LocalDateTime) time).toLocalTime());
        if (time instanceof Year) return ((Year) time).getValue();
        if (time instanceof YearMonth) return Arrays.asList(((YearMonth) time).getYear(), ((YearMonth) time).getMonthValue());
        return time.toString();
    }

    private static BigDecimal seconds(long seconds, int nanoseconds) {
        return BigDecimal.valueOf(seconds).add(BigDecimal.valueOf(nanoseconds, 9));
    }

    private static List<Integer> date(LocalDate date) {
        return new ArrayList<Integer>(Arrays.asList(date.getYear(), date.getMonthValue(), date.getDayOfMonth()));
    }

    private static List<Integer> clock(List<Integer> parts, LocalTime time) {
        parts.add(time.getHour());
        parts.add(time.getMinute());
        if (time.getSecond() > 0 || time.getNano() > 0) parts.add(time.getSecond());
        if (time.getNano() > 0) parts.add(time.getNano());
        return parts;
    }

    static boolean isTime(Class<?> type) {
        return type.getName().startsWith("java.time.") && !type.isEnum() || type == Date.class || type == Calendar.class;
    }

    /** `unit` is how many milliseconds a number counts: 1, but 1000 in AWS's events. */
    static Object read(Object node, Class<?> type, int unit) {
        try {
            if (type == Date.class) return Date.from(Instant.ofEpochMilli(milliseconds(node, unit)));
            if (type == Calendar.class) {
                Calendar calendar = Calendar.getInstance();
                calendar.setTimeInMillis(milliseconds(node, unit));
                return calendar;
            }
            if (node instanceof Json.Num) return number((Json.Num) node, type);
            if (node instanceof List) return parts((List<?>) node, type);
            return text(((String) node).trim(), type);
        } catch (RuntimeException e) {
            throw new Json.Problem("Cannot deserialize value of type `" + type.getName() + "`: " + e.getMessage(), e);
        }
    }

    private static long milliseconds(Object node, int unit) {
        if (node instanceof Json.Num) return ((Json.Num) node).decimal().multiply(BigDecimal.valueOf(unit)).longValue();
        String text = ((String) node).trim();
        try {
            if (text.indexOf('T') < 0) return LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant().toEpochMilli();
            int zone = Math.max(text.lastIndexOf('+'), text.lastIndexOf('-'));
            if (zone > text.indexOf('T') && text.length() - zone == 5) text = text.substring(0, zone + 3) + ":" + text.substring(zone + 3);
            boolean isLocal = !text.endsWith("Z") && zone < text.indexOf('T');
            return OffsetDateTime.parse(isLocal ? text + "Z" : text).toInstant().toEpochMilli();
        } catch (DateTimeParseException e) {
            return ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant().toEpochMilli();
        }
    }

    private static Object number(Json.Num number, Class<?> type) {
        if (type == Year.class) return Year.of(Integer.parseInt(number.text));
        if (type == LocalDate.class) return LocalDate.ofEpochDay(Long.parseLong(number.text));
        BigDecimal decimal = number.decimal();
        long seconds = decimal.setScale(0, BigDecimal.ROUND_FLOOR).longValue();
        int nanoseconds = decimal.subtract(BigDecimal.valueOf(seconds)).movePointRight(9).intValue();
        if (type == Duration.class) return Duration.ofSeconds(seconds, nanoseconds);
        Instant instant = Instant.ofEpochSecond(seconds, nanoseconds);
        if (type == Instant.class) return instant;
        if (type == OffsetDateTime.class) return instant.atOffset(ZoneOffset.UTC);
        if (type == ZonedDateTime.class) return instant.atZone(ZoneId.of("UTC"));
        throw new Json.Problem("no number is one");
    }

    private static Object parts(List<?> parts, Class<?> type) {
        int[] values = new int[7];
        int start = type == LocalTime.class ? 3 : 0;
        for (int i = 0; i < parts.size(); i++) values[start + i] = Integer.parseInt(((Json.Num) parts.get(i)).text);
        if (type == YearMonth.class) return YearMonth.of(values[0], values[1]);
        if (type == LocalTime.class) return LocalTime.of(values[3], values[4], values[5], values[6]);
        LocalDate date = LocalDate.of(values[0], values[1], values[2]);
        if (type == LocalDate.class) return date;
        if (type == LocalDateTime.class) return date.atTime(values[3], values[4], values[5], values[6]);
        throw new Json.Problem("no list is one");
    }

    private static Object text(String text, Class<?> type) {
        if (text.isEmpty()) return null;
        if (type == Instant.class) return OffsetDateTime.parse(text).toInstant();
        if (type == ZoneId.class) return ZoneId.of(text);
        if (type == ZoneOffset.class) return ZoneOffset.of(text);
        if (type == LocalDate.class && text.indexOf('T') > 0) return LocalDate.parse(text.substring(0, text.indexOf('T')));
        try {
            return type.getMethod("parse", CharSequence.class).invoke(null, text);
        } catch (ReflectiveOperationException e) {
            throw new Json.Problem(e.getCause() == null ? e.toString() : e.getCause().getMessage(), e);
        }
    }
}
