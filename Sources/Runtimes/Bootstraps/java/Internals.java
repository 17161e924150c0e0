package apus.lambda;

import java.lang.invoke.MethodHandles;
import java.lang.reflect.Constructor;

/**
 * The way to what the JDK keeps to itself. No option of the virtual machine opens it, so a function's own reflection finds
 * it as closed as on AWS.
 */
final class Internals {
    private static final int TRUSTED = -1;

    private Internals() {}

    /** A lookup to which nothing is private: the JDK lets serialisers call any constructor, also the one that makes such. */
    static MethodHandles.Lookup lookup() throws ReflectiveOperationException {
        Class<?> type = Class.forName("sun.reflect.ReflectionFactory");
        Object factory = type.getMethod("getReflectionFactory").invoke(null);
        // Its last parameter says what is allowed. From Java 14 on there are three.
        Constructor<?> longest = null;
        for (Constructor<?> each : MethodHandles.Lookup.class.getDeclaredConstructors()) {
            if (longest == null || each.getParameterTypes().length > longest.getParameterTypes().length) longest = each;
        }
        Constructor<?> open = (Constructor<?>) type.getMethod("newConstructorForSerialization", Class.class, Constructor.class)
                .invoke(factory, MethodHandles.Lookup.class, longest);
        // Java 8 has nothing closed, and does not open it.
        if (!open.isAccessible()) open.setAccessible(true);
        return (MethodHandles.Lookup) (open.getParameterTypes().length == 3
                ? open.newInstance(Object.class, null, TRUSTED) : open.newInstance(Object.class, TRUSTED));
    }
}
