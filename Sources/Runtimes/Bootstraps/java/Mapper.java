package apus.lambda;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes what a handler's signature asks for out of JSON, as AWS's settings of Jackson do: unknown properties and enum
 * constants are passed over, a single value stands for a list of one and the reverse, an empty string for no object.
 */
final class Mapper {
    private static final Map<TypeVariable<?>, Type> NONE = Collections.<TypeVariable<?>, Type>emptyMap();

    private Mapper() {}

    static Object read(String json, Type type) {
        return read(Json.parse(json), type, NONE, 1);
    }

    /** What a value of no particular type becomes. */
    static Object natural(Object node) {
        if (node instanceof Json.Num) return ((Json.Num) node).natural();
        if (node instanceof List) {
            List<Object> list = cast(node);
            for (int i = 0; i < list.size(); i++) list.set(i, natural(list.get(i)));
        } else if (node instanceof Map) {
            Map<String, Object> map = cast(node);
            for (Map.Entry<String, Object> entry : map.entrySet()) entry.setValue(natural(entry.getValue()));
        }
        return node;
    }

    @SuppressWarnings("unchecked")
    private static <T> T cast(Object value) {
        return (T) value;
    }

    // --- Types ---

    static Class<?> raw(Type type) {
        if (type instanceof Class) return (Class<?>) type;
        if (type instanceof ParameterizedType) return (Class<?>) ((ParameterizedType) type).getRawType();
        if (type instanceof GenericArrayType) {
            return Array.newInstance(raw(((GenericArrayType) type).getGenericComponentType()), 0).getClass();
        }
        if (type instanceof TypeVariable) return raw(((TypeVariable<?>) type).getBounds()[0]);
        return raw(((WildcardType) type).getUpperBounds()[0]);
    }

    private static Type resolve(Type type, Map<TypeVariable<?>, Type> known) {
        while (type instanceof TypeVariable && known.containsKey(type)) type = known.get(type);
        if (type instanceof WildcardType) return resolve(((WildcardType) type).getUpperBounds()[0], known);
        return type;
    }

    /** What the type parameters of a type and of its supertypes stand for. */
    static Map<TypeVariable<?>, Type> bindings(Type type, Map<TypeVariable<?>, Type> outer) {
        Map<TypeVariable<?>, Type> found = new HashMap<TypeVariable<?>, Type>(outer);
        bind(type, found);
        return found;
    }

    private static void bind(Type type, Map<TypeVariable<?>, Type> found) {
        if (type == null) return;
        Class<?> raw = raw(type);
        if (type instanceof ParameterizedType) {
            Type[] arguments = ((ParameterizedType) type).getActualTypeArguments();
            for (int i = 0; i < arguments.length; i++) {
                Type argument = resolve(arguments[i], found);
                if (argument != raw.getTypeParameters()[i]) found.put(raw.getTypeParameters()[i], argument);
            }
        }
        bind(raw.getGenericSuperclass(), found);
        for (Type parent : raw.getGenericInterfaces()) bind(parent, found);
    }

    private static Type argument(Type type, Class<?> of, int index, Map<TypeVariable<?>, Type> known) {
        TypeVariable<?> parameter = of.getTypeParameters()[index];
        Type found = resolve(parameter, bindings(type, known));
        return found instanceof TypeVariable ? Object.class : found;
    }

    // --- Values ---

    /** `unit` is how many milliseconds a number counts where a point in time is wanted. */
    private static Object read(Object node, Type wanted, Map<TypeVariable<?>, Type> known, int unit) {
        Type type = resolve(wanted, known);
        Class<?> raw = raw(type);
        if (raw == Optional.class) {
            return Optional.ofNullable(node == null ? null : read(node, argument(type, Optional.class, 0, known), known, unit));
        }
        if (node == null) return raw.isPrimitive() ? primitive(BigDecimal.ZERO, raw) : null;
        if (raw == Object.class) return natural(node);
        if (Collection.class.isAssignableFrom(raw) || raw == Iterable.class) return collection(node, type, raw, known, unit);
        if (Map.class.isAssignableFrom(raw)) return map(node, type, raw, known, unit);
        if (raw.isArray()) return array(node, type, raw, known, unit);
        if (node instanceof List && !Times.isTime(raw)) {
            List<?> list = (List<?>) node;
            if (list.size() == 1) return read(list.get(0), type, known, unit);
            if (list.isEmpty()) return raw.isPrimitive() ? primitive(BigDecimal.ZERO, raw) : null;
            throw mismatch(raw, node);
        }
        if (raw.isPrimitive() || Number.class.isAssignableFrom(raw) || raw == Boolean.class || raw == Character.class) return scalar(node, raw);
        if (raw == String.class || raw == CharSequence.class) return text(node, raw);
        if (raw.isEnum()) return constant(node, raw);
        if (raw == AtomicBoolean.class) return new AtomicBoolean((Boolean) scalar(node, boolean.class));
        if (raw == ByteBuffer.class) return ByteBuffer.wrap(base64(node, raw));
        if (node instanceof Map || (node instanceof Boolean && !Texts.isText(raw))) return bean(node, type, raw, known);
        if (Times.isTime(raw)) return Times.read(node, raw, unit);
        if (Texts.isText(raw)) return named(text(node, raw), raw);
        return bean(node, type, raw, known);
    }

    private static Json.Problem mismatch(Class<?> type, Object node) {
        String from = node instanceof Map ? "Object value (token `JsonToken.START_OBJECT`)"
                : node instanceof List ? "Array value (token `JsonToken.START_ARRAY`)"
                : node instanceof Boolean ? "Boolean value (token `JsonToken.VALUE_" + node.toString().toUpperCase() + "`)"
                : node instanceof Json.Num ? (((Json.Num) node).isWhole() ? "Integer value (token `JsonToken.VALUE_NUMBER_INT`)" : "Floating-point value (token `JsonToken.VALUE_NUMBER_FLOAT`)")
                : "String \"" + node + "\": not a valid `" + name(type) + "` value";
        return new Json.Problem("Cannot deserialize value of type `" + name(type) + "` from " + from);
    }

    private static String name(Class<?> type) {
        return type.isArray() ? name(type.getComponentType()) + "[]" : type.getName();
    }

    private static String text(Object node, Class<?> type) {
        if (node instanceof Map) throw mismatch(type, node);
        return node instanceof Json.Num ? ((Json.Num) node).text : node.toString();
    }

    private static Object named(String text, Class<?> type) {
        if (text.isEmpty()) return null;
        try {
            return Texts.read(text, type);
        } catch (Exception e) {
            throw new Json.Problem("Cannot deserialize value of type `" + name(type) + "` from String \"" + text + "\": not a valid textual representation", e);
        }
    }

    private static Object scalar(Object node, Class<?> type) {
        if (node instanceof Map) throw mismatch(type, node);
        if (type == boolean.class || type == Boolean.class) return flag(node, type);
        if (type == char.class || type == Character.class) {
            if (node instanceof Json.Num) return (char) Integer.parseInt(((Json.Num) node).text);
            String text = node.toString();
            if (text.isEmpty()) return type.isPrimitive() ? (Object) '\0' : null;
            if (text.length() != 1 || node instanceof Boolean) throw mismatch(type, node);
            return text.charAt(0);
        }
        if (node instanceof Boolean) throw mismatch(type, node);
        if (node instanceof Json.Num) return number((Json.Num) node, type);
        String text = ((String) node).trim();
        if (text.isEmpty() || text.equals("null")) return type.isPrimitive() ? primitive(BigDecimal.ZERO, type) : null;
        boolean isReal = type == double.class || type == Double.class || type == float.class || type == Float.class || type == Number.class;
        boolean isSpecial = text.equals("NaN") || text.endsWith("Infinity");
        try {
            if (isReal && isSpecial) return number(new Json.Num(text, false), type);
            BigDecimal decimal = new BigDecimal(text);
            if (decimal.scale() > 0 && !isReal && type != BigDecimal.class) throw mismatch(type, node);
            return number(new Json.Num(text.startsWith("+") ? text.substring(1) : text, decimal.scale() <= 0 && text.matches("[-+]?[0-9]+")), type);
        } catch (NumberFormatException e) {
            throw mismatch(type, node);
        }
    }

    private static Object flag(Object node, Class<?> type) {
        if (node instanceof Boolean) return node;
        if (node instanceof Json.Num) {
            if (!((Json.Num) node).isWhole()) throw mismatch(type, node);
            return new BigInteger(((Json.Num) node).text).signum() != 0;
        }
        String text = ((String) node).trim();
        if (text.equals("true") || text.equals("True") || text.equals("TRUE")) return true;
        if (text.equals("false") || text.equals("False") || text.equals("FALSE")) return false;
        if (text.isEmpty() || text.equals("null")) return type.isPrimitive() ? Boolean.FALSE : null;
        throw new Json.Problem("Cannot deserialize value of type `" + name(type) + "` from String \"" + node + "\": only \"true\" or \"false\" recognized");
    }

    private static Object number(Json.Num number, Class<?> type) {
        if (type == Number.class) return number.natural();
        if (type == double.class || type == Double.class) return number.real();
        if (type == float.class || type == Float.class) return (float) number.real();
        if (!number.isWhole() && (number.text.endsWith("N") || number.text.endsWith("y"))) throw mismatch(type, number);
        if (type == BigDecimal.class) return number.decimal();
        return primitive(number.decimal(), type);
    }

    /** A fraction is cut off; what does not fit is refused. */
    private static Object primitive(BigDecimal decimal, Class<?> type) {
        if (type == boolean.class) return decimal.signum() != 0;
        if (type == char.class) return (char) decimal.intValue();
        if (type == double.class) return decimal.doubleValue();
        if (type == float.class) return decimal.floatValue();
        if (decimal.precision() - decimal.scale() > 100_000) throw new Json.Problem("Numeric value out of range of " + type.getName());
        BigInteger whole = decimal.toBigInteger();
        if (type == BigInteger.class) return whole;
        if (type == long.class || type == Long.class) return ranged(whole, Long.MIN_VALUE, Long.MAX_VALUE, "long");
        if (type == AtomicLong.class) return new AtomicLong(ranged(whole, Long.MIN_VALUE, Long.MAX_VALUE, "long"));
        if (type == short.class || type == Short.class) return (short) ranged(whole, Short.MIN_VALUE, Short.MAX_VALUE, "short");
        if (type == byte.class || type == Byte.class) return (byte) ranged(whole, Byte.MIN_VALUE, 255, "byte");
        int value = (int) ranged(whole, Integer.MIN_VALUE, Integer.MAX_VALUE, "int");
        if (type == int.class || type == Integer.class) return value;
        if (type == AtomicInteger.class) return new AtomicInteger(value);
        throw new Json.Problem("Cannot construct instance of `" + name(type) + "` from a number");
    }

    private static long ranged(BigInteger value, long least, long most, String type) {
        if (value.bitLength() > 63 || value.longValue() < least || value.longValue() > most) {
            throw new Json.Problem("Numeric value (" + value + ") out of range of " + type + " (" + least + " - " + most + ")");
        }
        return value.longValue();
    }

    private static Object constant(Object node, Class<?> type) {
        Object[] constants = type.getEnumConstants();
        if (node instanceof Json.Num) {
            String text = ((Json.Num) node).text;
            int index = text.length() < 9 && ((Json.Num) node).isWhole() ? Integer.parseInt(text) : -1;
            return index >= 0 && index < constants.length ? constants[index] : null;
        }
        if (!(node instanceof String)) throw mismatch(type, node);
        String wanted = ((String) node).trim();
        for (Object constant : constants) {
            if (((Enum<?>) constant).name().equals(wanted)) return constant;
        }
        return null;
    }

    private static byte[] base64(Object node, Class<?> type) {
        if (!(node instanceof String)) throw mismatch(type, node);
        try {
            return Base64.getMimeDecoder().decode((String) node);
        } catch (IllegalArgumentException e) {
            throw new Json.Problem("Cannot access contents of `" + name(type) + "`: " + e.getMessage(), e);
        }
    }

    // --- Containers ---

    private static List<?> items(Object node) {
        return node instanceof List ? (List<?>) node : Collections.singletonList(node);
    }

    private static Object array(Object node, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, int unit) {
        if (raw == byte[].class && node instanceof String) return base64(node, raw);
        if (raw == char[].class && node instanceof String) return ((String) node).toCharArray();
        if ("".equals(node)) return null;
        Type element = type instanceof GenericArrayType ? ((GenericArrayType) type).getGenericComponentType() : raw.getComponentType();
        List<?> items = items(node);
        Object array = Array.newInstance(raw.getComponentType(), items.size());
        for (int i = 0; i < items.size(); i++) Array.set(array, i, read(items.get(i), element, known, unit));
        return array;
    }

    private static Object collection(Object node, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, int unit) {
        if ("".equals(node)) return null;
        Type element = argument(type, Iterable.class, 0, known);
        Collection<Object> collection;
        if (raw == Collection.class || raw == List.class || raw == Iterable.class) collection = new ArrayList<Object>();
        else if (raw == java.util.Set.class) collection = new HashSet<Object>();
        else if (SortedSet.class.isAssignableFrom(raw) && raw.isInterface()) collection = new TreeSet<Object>();
        else if (raw == Deque.class) collection = new ArrayDeque<Object>();
        else if (raw == Queue.class) collection = new LinkedList<Object>();
        else if (raw == EnumSet.class) collection = cast(emptyEnumSet(raw(element)));
        else collection = cast(instance(raw));
        for (Object item : items(node)) collection.add(read(item, element, known, unit));
        return collection;
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object emptyEnumSet(Class<?> element) {
        return EnumSet.noneOf((Class) element);
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private static Object emptyEnumMap(Class<?> key) {
        return new EnumMap((Class) key);
    }

    private static Object map(Object node, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known, int unit) {
        if (node instanceof List && ((List<?>) node).size() == 1) return map(((List<?>) node).get(0), type, raw, known, unit);
        if ("".equals(node) || (node instanceof List && ((List<?>) node).isEmpty())) return null;
        if (!(node instanceof Map)) throw construct(raw, node);
        Type key = argument(type, Map.class, 0, known);
        Type value = argument(type, Map.class, 1, known);
        Map<Object, Object> map;
        if (raw == Map.class) map = new LinkedHashMap<Object, Object>();
        else if (SortedMap.class.isAssignableFrom(raw) && raw.isInterface()) map = new TreeMap<Object, Object>();
        else if (raw == ConcurrentMap.class) map = new ConcurrentHashMap<Object, Object>();
        else if (raw == EnumMap.class) map = cast(emptyEnumMap(raw(key)));
        else map = cast(instance(raw));
        Class<?> keys = raw(key);
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) node).entrySet()) {
            Object name = keys == Object.class || keys == String.class ? entry.getKey() : read(entry.getKey(), key, known, unit);
            map.put(name, read(entry.getValue(), value, known, unit));
        }
        return map;
    }

    // --- Objects ---

    private static Json.Problem construct(Class<?> type, Object node) {
        String start = "Cannot construct instance of `" + name(type) + "` (";
        if (node instanceof String) {
            return new Json.Problem(start + "although at least one Creator exists): no String-argument constructor/factory method to deserialize from String value ('" + node + "')");
        }
        if (node instanceof Json.Num) {
            return new Json.Problem(start + "although at least one Creator exists): no int/Int-argument constructor/factory method to deserialize from Number value (" + ((Json.Num) node).text + ")");
        }
        if (node instanceof Boolean) {
            return new Json.Problem(start + "although at least one Creator exists): no boolean/Boolean-argument constructor/factory method to deserialize from boolean value (" + node + ")");
        }
        if (Modifier.isAbstract(type.getModifiers())) {
            return new Json.Problem(start + "no Creators, like default constructor, exist): abstract types either need to be mapped to concrete types, have custom deserializer, or contain additional type information");
        }
        return new Json.Problem(start + "no Creators, like default constructor, exist): cannot deserialize from Object value (no delegate- or property-based Creator)");
    }

    private static Object instance(Class<?> type) {
        Constructor<?> constructor = Modifier.isAbstract(type.getModifiers()) ? null : Bean.of(type).constructor;
        if (constructor == null) throw construct(type, null);
        try {
            return constructor.newInstance();
        } catch (InvocationTargetException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new Json.Problem("Cannot construct instance of `" + name(type) + "`, problem: " + cause.getMessage(), cause);
        } catch (ReflectiveOperationException e) {
            throw new Json.Problem("Cannot construct instance of `" + name(type) + "`, problem: " + e.getMessage(), e);
        }
    }

    private static Object bean(Object node, Type type, Class<?> raw, Map<TypeVariable<?>, Type> known) {
        if ("".equals(node)) return null;
        if (!(node instanceof Map)) throw construct(raw, node);
        Bean bean = Bean.of(raw);
        Map<TypeVariable<?>, Type> inner = bindings(type, known);
        int unit = bean.isEvent ? 1000 : 1;
        if (bean.isRecord) return record((Map<?, ?>) node, bean, inner);
        Object object = bean.isEvent && bean.constructor == null ? unconstructed(raw) : instance(raw);
        for (Map.Entry<?, ?> entry : ((Map<?, ?>) node).entrySet()) {
            Bean.Property property = bean.writable((String) entry.getKey());
            if (property == null) continue;
            Type wanted = property.writtenType();
            set(bean, property, object, read(entry.getValue(), wanted, inner, unit));
        }
        return object;
    }

    private static void set(Bean bean, Bean.Property property, Object object, Object value) {
        try {
            property.set(object, value);
        } catch (Throwable e) {
            throw new Json.Problem((e.getMessage() == null ? "(was " + e.getClass().getName() + ")" : e.getMessage())
                    + " (through reference chain: " + bean.type.getName() + "[\"" + property.name + "\"])", e);
        }
    }

    private static Object record(Map<?, ?> node, Bean bean, Map<TypeVariable<?>, Type> known) {
        if (bean.constructor == null) throw construct(bean.type, node);
        Object[] arguments = new Object[bean.constructor.getParameterTypes().length];
        for (Bean.Property property : bean.properties) {
            if (property.component >= 0) arguments[property.component] = read(node.get(property.name), property.componentType, known, 1);
        }
        try {
            return bean.constructor.newInstance(arguments);
        } catch (ReflectiveOperationException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new Json.Problem("Cannot construct instance of `" + name(bean.type) + "`, problem: " + cause.getMessage(), cause);
        }
    }

    /** Some of AWS's events can only be constructed with all they hold: their fields are filled in afterwards. */
    private static Object unconstructed(Class<?> type) {
        try {
            Class<?> unsafe = Class.forName("sun.misc.Unsafe");
            java.lang.reflect.Field field = unsafe.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return unsafe.getMethod("allocateInstance", Class.class).invoke(field.get(null), type);
        } catch (ReflectiveOperationException e) {
            throw construct(type, null);
        }
    }
}
