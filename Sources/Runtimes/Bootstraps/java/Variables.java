package apus.lambda;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;

/**
 * The environment variables of this process, as it would have had them from its start: for `System.getenv` and
 * `ProcessBuilder`, and in C's `environ` for native libraries and for children that inherit them. What the kernel shows in
 * /proc/self/environ stays what the process was started with.
 */
final class Variables {
    private final MethodHandle allocate;
    private final MethodHandle put;
    /** Where C keeps the pointer to its variables. */
    private final long environ;
    /** Reads C's variables: names and values in turn. */
    private final MethodHandle environment;
    private final MethodHandle variable;
    private final MethodHandle value;
    private final HashMap<Object, Object> known;

    @SuppressWarnings("unchecked")
    Variables(MethodHandles.Lookup lookup) throws Throwable {
        environ = Symbols.find("environ");
        Class<?> type;
        try {
            type = Class.forName("jdk.internal.misc.Unsafe");
        } catch (ClassNotFoundException e) {
            type = Class.forName("sun.misc.Unsafe");
        }
        MethodType toLong = MethodType.methodType(void.class, long.class, long.class);
        Object unsafe = lookup.findStaticGetter(type, "theUnsafe", type).asType(MethodType.methodType(Object.class)).invokeExact();
        allocate = lookup.findVirtual(type, "allocateMemory", MethodType.methodType(long.class, long.class)).bindTo(unsafe);
        put = lookup.findVirtual(type, "putLong", toLong).bindTo(unsafe);

        Class<?> java = Class.forName("java.lang.ProcessEnvironment");
        environment = lookup.findStatic(java, "environ", MethodType.methodType(byte[][].class));
        known = (HashMap<Object, Object>) lookup.findStaticGetter(java, "theEnvironment", HashMap.class).invoke();
        variable = maker(lookup, "java.lang.ProcessEnvironment$Variable");
        value = maker(lookup, "java.lang.ProcessEnvironment$Value");
    }

    private static MethodHandle maker(MethodHandles.Lookup lookup, String name) throws ReflectiveOperationException {
        Class<?> type = Class.forName(name);
        MethodHandle maker = lookup.findStatic(type, "valueOf", MethodType.methodType(type, byte[].class));
        return maker.asType(MethodType.methodType(Object.class, byte[].class));
    }

    /** Replaces all of them. `pairs` is `NAME=value` after `NAME=value`, each with a zero at its end. */
    void replace(byte[] pairs) throws Throwable {
        int count = 0;
        for (byte each : pairs) {
            if (each == 0) count++;
        }
        // Pointers, a null, and what they point to. Never freed: who asked C for a variable keeps a pointer into it.
        int start = 8 * (count + 1);
        ByteBuffer bytes = ByteBuffer.allocate(start + (pairs.length + 7) / 8 * 8).order(ByteOrder.nativeOrder());
        long block = (long) allocate.invokeExact((long) bytes.capacity());
        for (int i = 0; i < pairs.length; i++) {
            if (i == 0 || pairs[i - 1] == 0) bytes.putLong(block + start + i);
        }
        bytes.putLong(0).put(pairs);
        for (int i = 0; i < bytes.capacity(); i += 8) put.invokeExact(block + i, bytes.getLong(i));
        put.invokeExact(environ, block);
        // Java's own, the way it made them at first: of names that are there twice the first counts.
        byte[][] now = (byte[][]) environment.invokeExact();
        known.clear();
        for (int i = now.length - 1; i > 0; i -= 2) {
            known.put((Object) variable.invokeExact(now[i - 1]), (Object) value.invokeExact(now[i]));
        }
    }
}
