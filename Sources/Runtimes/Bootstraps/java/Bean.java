package apus.lambda;

import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The properties of a class, named as the JavaBeans specification names them, in the order of its fields. */
final class Bean {
    static final class Property {
        final String name;
        Method getter;
        Method setter;
        Field field;
        /** The position in a record's canonical constructor. */
        int component = -1;
        Type componentType;

        Property(String name) {
            this.name = name;
        }

        Type writtenType() {
            if (component >= 0) return componentType;
            return setter != null ? setter.getGenericParameterTypes()[0] : field.getGenericType();
        }

        boolean isWritable() {
            return setter != null || field != null || component >= 0;
        }

        boolean isReadable() {
            return getter != null || (field != null && Modifier.isPublic(field.getModifiers()));
        }

        Object get(Object bean) throws Throwable {
            try {
                return getter != null ? getter.invoke(bean) : field.get(bean);
            } catch (InvocationTargetException e) {
                throw e.getCause() == null ? e : e.getCause();
            }
        }

        void set(Object bean, Object value) throws Throwable {
            try {
                if (setter != null) setter.invoke(bean, value);
                else field.set(bean, value);
            } catch (InvocationTargetException e) {
                throw e.getCause() == null ? e : e.getCause();
            }
        }
    }

    private static final Map<Class<?>, Bean> KNOWN = new HashMap<Class<?>, Bean>();

    /** Classes of AWS's events library: their properties are found whatever the case of the event's names. */
    private static final String[] EVENTS = {"com.amazonaws.services.lambda.runtime.events.", "com.amazonaws.services.s3.event."};

    final Class<?> type;
    final boolean isEvent;
    final Collection<Property> properties;
    final Constructor<?> constructor;
    final boolean isRecord;
    private final Map<String, Property> byName = new LinkedHashMap<String, Property>();
    private final Map<String, Property> byLooseName = new HashMap<String, Property>();

    static synchronized Bean of(Class<?> type) {
        Bean bean = KNOWN.get(type);
        if (bean == null) {
            bean = new Bean(type);
            KNOWN.put(type, bean);
        }
        return bean;
    }

    private Bean(Class<?> type) {
        this.type = type;
        boolean isEvent = false;
        for (String prefix : EVENTS) isEvent |= type.getName().startsWith(prefix);
        this.isEvent = isEvent;
        this.isRecord = type.getSuperclass() != null && type.getSuperclass().getName().equals("java.lang.Record");
        Map<String, Property> found = new LinkedHashMap<String, Property>();
        fields(type, found);
        if (!isRecord) accessors(found);
        this.constructor = isRecord ? record(found) : withoutArguments();
        for (Property property : found.values()) {
            if (!property.isReadable() && !property.isWritable()) continue;
            byName.put(property.name, property);
            if (isEvent) byLooseName.put(loose(property.name), property);
        }
        this.properties = byName.values();
    }

    /** The property of this name that can be written. */
    Property writable(String name) {
        Property property = byName.get(name);
        if (property == null && isEvent) property = byLooseName.get(loose(name));
        return property != null && property.isWritable() ? property : null;
    }

    private static String loose(String name) {
        StringBuilder letters = new StringBuilder();
        for (int i = 0; i < name.length(); i++) {
            if (Character.isLetterOrDigit(name.charAt(i))) letters.append(Character.toLowerCase(name.charAt(i)));
        }
        return letters.toString();
    }

    private static Property property(Map<String, Property> found, String name) {
        Property property = found.get(name);
        if (property == null) {
            property = new Property(name);
            found.put(name, property);
        }
        return property;
    }

    /** Of all fields for the order of properties; only public ones, and those of AWS's events, are used themselves. */
    private void fields(Class<?> holder, Map<String, Property> found) {
        if (holder == null || holder == Object.class) return;
        fields(holder.getSuperclass(), found);
        for (Field field : holder.getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers()) || Modifier.isTransient(field.getModifiers()) || field.isSynthetic()) continue;
            Property property = property(found, field.getName());
            if ((Modifier.isPublic(field.getModifiers()) || isEvent) && open(field)) property.field = field;
        }
    }

    private void accessors(Map<String, Property> found) {
        List<Method> methods = new ArrayList<Method>();
        for (Method method : type.getMethods()) methods.add(method);
        for (Class<?> holder = type; holder != null && holder != Object.class; holder = holder.getSuperclass()) {
            for (Method method : holder.getDeclaredMethods()) {
                if (!Modifier.isPublic(method.getModifiers()) && method.getName().startsWith("set")) methods.add(method);
            }
        }
        for (Method method : methods) {
            if (Modifier.isStatic(method.getModifiers()) || method.isBridge() || method.getDeclaringClass() == Object.class) continue;
            String name = method.getName();
            Class<?> result = method.getReturnType();
            if (method.getParameterTypes().length == 0 && result != void.class) {
                boolean isFlag = name.startsWith("is") && (result == boolean.class || result == Boolean.class);
                if (!isFlag && !name.startsWith("get")) continue;
                String property = decapitalize(name.substring(isFlag ? 2 : 3));
                if (!property.isEmpty() && open(method)) getter(property(found, property), method);
            } else if (method.getParameterTypes().length == 1 && name.startsWith("set") && name.length() > 3 && open(method)) {
                setter(property(found, decapitalize(name.substring(3))), method);
            }
        }
    }

    /** A subclass's method covers its superclass's; `getX` goes before `isX`. */
    private static void getter(Property property, Method method) {
        Method other = property.getter;
        if (other != null && !other.getDeclaringClass().isAssignableFrom(method.getDeclaringClass())) return;
        if (other != null && other.getDeclaringClass() == method.getDeclaringClass() && other.getName().startsWith("get")) return;
        property.getter = method;
    }

    /** Of several setters the one that takes what the getter returns, else one that takes no string. */
    private void setter(Property property, Method method) {
        Method other = property.setter;
        if (other != null) {
            Class<?> wanted = null;
            String stem = method.getName().substring(3);
            for (String prefix : new String[] {"get", "is"}) {
                try {
                    wanted = wanted == null ? type.getMethod(prefix + stem).getReturnType() : wanted;
                } catch (NoSuchMethodException e) {
                    continue;
                }
            }
            Class<?> mine = method.getParameterTypes()[0];
            Class<?> theirs = other.getParameterTypes()[0];
            if (mine == theirs && method.getDeclaringClass().isAssignableFrom(other.getDeclaringClass())) return;
            if (mine != theirs && (theirs == wanted || (mine != wanted && theirs != String.class))) return;
        }
        property.setter = method;
    }

    private Constructor<?> withoutArguments() {
        try {
            Constructor<?> constructor = type.getDeclaredConstructor();
            return open(constructor) ? constructor : null;
        } catch (NoSuchMethodException e) {
            return null;
        }
    }

    /** Records are newer than the Java that this is compiled for. */
    private Constructor<?> record(Map<String, Property> found) {
        try {
            Object[] components = (Object[]) Class.class.getMethod("getRecordComponents").invoke(type);
            Class<?>[] types = new Class<?>[components.length];
            for (int i = 0; i < components.length; i++) {
                Class<?> kind = components[i].getClass();
                Property property = property(found, (String) kind.getMethod("getName").invoke(components[i]));
                property.component = i;
                property.componentType = (Type) kind.getMethod("getGenericType").invoke(components[i]);
                property.getter = (Method) kind.getMethod("getAccessor").invoke(components[i]);
                open(property.getter);
                types[i] = (Class<?>) kind.getMethod("getType").invoke(components[i]);
            }
            Constructor<?> constructor = type.getDeclaredConstructor(types);
            return open(constructor) ? constructor : null;
        } catch (ReflectiveOperationException e) {
            return null;
        }
    }

    private static boolean open(AccessibleObject member) {
        try {
            member.setAccessible(true);
            return true;
        } catch (RuntimeException e) {
            // A class that its module does not open: what is public there can be used all the same.
            return member instanceof Method && Modifier.isPublic(((Method) member).getModifiers());
        }
    }

    static String decapitalize(String name) {
        if (name.length() > 1 && Character.isUpperCase(name.charAt(0)) && Character.isUpperCase(name.charAt(1))) return name;
        return name.isEmpty() ? name : Character.toLowerCase(name.charAt(0)) + name.substring(1);
    }
}
