package apus.lambda;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads JSON into maps, lists, strings, booleans, nulls and {@link Num}s. As lenient as AWS's reader: single quotes, names
 * without quotes, leading zeros, NaN, control characters in strings, any escape; what follows the value is not looked at.
 */
final class Json {
    /** A JSON text that is none, or one that does not fit the type that is asked for. */
    static final class Problem extends RuntimeException {
        private static final long serialVersionUID = 1;

        Problem(String message) {
            super(message);
        }

        Problem(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** A number as it was written. */
    static final class Num {
        final String text;
        private final boolean isWhole;

        Num(String text, boolean isWhole) {
            this.text = text;
            this.isWhole = isWhole;
        }

        boolean isWhole() {
            return isWhole;
        }

        BigDecimal decimal() {
            try {
                return new BigDecimal(text);
            } catch (NumberFormatException e) {
                throw new Problem("Cannot deserialize value of type `java.math.BigDecimal` from number " + text);
            }
        }

        double real() {
            return Double.parseDouble(text);
        }

        /** What stands for the number where any object will do. */
        Number natural() {
            if (!isWhole) return real();
            if (text.length() < 19) {
                long value = Long.parseLong(text);
                if (value == (int) value) return (int) value;
                return value;
            }
            BigInteger value = new BigInteger(text);
            if (value.bitLength() < 64) return value.longValue();
            return value;
        }
    }

    /** More is refused before the stack overflows. */
    static final int DEPTH = 1000;

    private final String text;
    private int at;
    private int depth;

    private Json(String text) {
        this.text = text;
    }

    static Object parse(String text) {
        Json json = new Json(text);
        json.blanks();
        if (json.at == text.length()) throw new Problem("No content to map due to end-of-input" + json.place());
        return json.value();
    }

    private String place() {
        int line = 1;
        int column = 1;
        for (int i = 0; i < at && i < text.length(); i++) {
            column++;
            if (text.charAt(i) == '\n') {
                line++;
                column = 1;
            }
        }
        return "\n at [Source: (ByteArrayInputStream); line: " + line + ", column: " + column + "]";
    }

    private Problem unexpected() {
        if (at >= text.length()) return new Problem("Unexpected end-of-input" + place());
        char found = text.charAt(at);
        return new Problem("Unexpected character ('" + found + "' (code " + (int) found + "))" + place());
    }

    private void blanks() {
        while (at < text.length()) {
            char c = text.charAt(at);
            if (c != ' ' && c != '\n' && c != '\t' && c != '\r' && c != '\uFEFF') return;
            at++;
        }
    }

    private char peek() {
        if (at >= text.length()) throw unexpected();
        return text.charAt(at);
    }

    private Object value() {
        char c = peek();
        if (c == '{' || c == '[') {
            if (++depth > DEPTH) {
                throw new Problem("Document nesting depth (" + depth + ") exceeds the maximum allowed (" + DEPTH + ")" + place());
            }
            at++;
            Object value = c == '{' ? object() : array();
            depth--;
            return value;
        }
        if (c == '"' || c == '\'') return string();
        if (c == '-' || c == '+' || (c >= '0' && c <= '9')) return number();
        if (word("true")) return Boolean.TRUE;
        if (word("false")) return Boolean.FALSE;
        if (word("null")) return null;
        if (word("NaN")) return new Num("NaN", false);
        if (word("Infinity") || word("INF")) return new Num("Infinity", false);
        throw unexpected();
    }

    private boolean word(String word) {
        if (!text.startsWith(word, at)) return false;
        int end = at + word.length();
        if (end < text.length() && Character.isJavaIdentifierPart(text.charAt(end))) return false;
        at = end;
        return true;
    }

    private Map<String, Object> object() {
        Map<String, Object> object = new LinkedHashMap<String, Object>();
        blanks();
        if (peek() == '}') {
            at++;
            return object;
        }
        while (true) {
            blanks();
            String name = name();
            blanks();
            if (peek() != ':') throw unexpected();
            at++;
            blanks();
            object.put(name, value());
            blanks();
            char c = peek();
            if (c != ',' && c != '}') throw unexpected();
            at++;
            if (c == '}') return object;
        }
    }

    private String name() {
        char c = peek();
        if (c == '"' || c == '\'') return string();
        int start = at;
        while (at < text.length() && (Character.isJavaIdentifierPart(text.charAt(at)) || "*-+#@".indexOf(text.charAt(at)) >= 0)) at++;
        if (at == start) throw unexpected();
        return text.substring(start, at);
    }

    private List<Object> array() {
        List<Object> array = new ArrayList<Object>();
        blanks();
        if (peek() == ']') {
            at++;
            return array;
        }
        while (true) {
            blanks();
            array.add(value());
            blanks();
            char c = peek();
            if (c != ',' && c != ']') throw unexpected();
            at++;
            if (c == ']') return array;
        }
    }

    private String string() {
        char quote = text.charAt(at++);
        int start = at;
        while (at < text.length() && text.charAt(at) != quote && text.charAt(at) != '\\') at++;
        if (peek() == quote) return text.substring(start, at++);
        StringBuilder result = new StringBuilder(text.length() - start > 256 ? 256 : 32).append(text, start, at);
        while (true) {
            char c = peek();
            at++;
            if (c == quote) return result.toString();
            result.append(c == '\\' ? escaped() : c);
        }
    }

    private char escaped() {
        char c = peek();
        at++;
        switch (c) {
            case 'b': return '\b';
            case 'f': return '\f';
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'u':
                int code = 0;
                for (int i = 0; i < 4; i++) {
                    int digit = Character.digit(peek(), 16);
                    if (digit < 0) throw unexpected();
                    code = code * 16 + digit;
                    at++;
                }
                return (char) code;
            default: return c;
        }
    }

    private Num number() {
        boolean isNegative = peek() == '-';
        if (isNegative || peek() == '+') at++;
        if (word("Infinity") || word("INF")) return new Num(isNegative ? "-Infinity" : "Infinity", false);
        int start = at;
        digits();
        int whole = at;
        boolean isWhole = true;
        if (at < text.length() && text.charAt(at) == '.') {
            isWhole = false;
            at++;
            digits();
        }
        if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            isWhole = false;
            at++;
            if (at < text.length() && (text.charAt(at) == '-' || text.charAt(at) == '+')) at++;
            digits();
        }
        if (at < text.length() && Character.isJavaIdentifierPart(text.charAt(at))) throw unexpected();
        while (start < whole - 1 && text.charAt(start) == '0') start++;
        String digits = text.substring(start, at);
        return new Num(isNegative ? "-" + digits : digits, isWhole);
    }

    private void digits() {
        int start = at;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') at++;
        if (at == start) throw unexpected();
    }
}
