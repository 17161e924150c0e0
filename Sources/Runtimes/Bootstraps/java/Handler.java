package apus.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.CustomPojoSerializer;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Type;
import java.lang.reflect.TypeVariable;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** What `package.Class` or `package.Class::method` names, ready to be called with bytes. */
abstract class Handler {
    private static final byte[] NULL = {'n', 'u', 'l', 'l'};

    abstract void call(byte[] event, ByteArrayOutputStream answer, Context context) throws Throwable;

    // --- Finding it ---

    /** What cannot be found fails the invocations; what cannot be constructed fails the initialisation: a fatal Fault. */
    static Handler find(String name, ClassLoader loader) {
        int colons = name.lastIndexOf("::");
        String className = colons < 0 ? name : name.substring(0, colons);
        String method = colons < 0 ? null : name.substring(colons + 2);
        if (className.isEmpty() || "".equals(method)) return failing(Fault.of("Invalid handler: `" + name + "'"));
        Class<?> type;
        try {
            type = Class.forName(className, true, loader);
        } catch (ClassNotFoundException e) {
            return failing(Fault.of("Class not found: " + className, e, false));
        } catch (NoClassDefFoundError e) {
            return failing(Fault.initialisation(e, className));
        } catch (Throwable e) {
            throw Fault.initialisation(e, className);
        }
        try {
            return method == null ? implementing(type, loader) : method(type, method, loader);
        } catch (Fault fault) {
            if (fault.isFatal) throw fault;
            return failing(fault);
        } catch (Throwable e) {
            return failing(Fault.of(e, false));
        }
    }

    private static Handler failing(final Fault fault) {
        return new Handler() {
            @Override
            void call(byte[] event, ByteArrayOutputStream answer, Context context) {
                throw fault;
            }
        };
    }

    private static Handler implementing(Class<?> type, ClassLoader loader) throws Exception {
        if (RequestStreamHandler.class.isAssignableFrom(type)) return new OfBytes((RequestStreamHandler) instance(type));
        if (!RequestHandler.class.isAssignableFrom(type)) {
            throw Fault.of("Class does not implement an appropriate handler interface: " + type.getName());
        }
        Map<TypeVariable<?>, Type> known = Mapper.bindings(type, Collections.<TypeVariable<?>, Type>emptyMap());
        TypeVariable<?>[] parameters = RequestHandler.class.getTypeParameters();
        Type[] types = new Type[2];
        for (int i = 0; i < 2; i++) {
            Type found = known.get(parameters[i]);
            if (found == null) {
                throw Fault.of("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters");
            }
            if (found instanceof TypeVariable && ((TypeVariable<?>) found).getBounds()[0] == Object.class) {
                throw Fault.of("Class " + type.getName() + " does not implement RequestHandler with concrete type parameters: parameter "
                        + found + " has no upper bound.");
            }
            types[i] = found;
        }
        @SuppressWarnings("unchecked")
        RequestHandler<Object, Object> handler = (RequestHandler<Object, Object>) instance(type);
        return new OfValues(handler, types[0], types[1], Conversion.find(loader));
    }

    private static Object instance(Class<?> type) throws Exception {
        Constructor<?> constructor;
        try {
            constructor = type.getConstructor();
        } catch (NoSuchMethodException e) {
            if (type.getEnclosingClass() != null && !Modifier.isStatic(type.getModifiers())) {
                throw new Exception("Class " + type.getName() + " cannot be instantiated because it is a non-static inner class");
            }
            throw new Exception("Class " + type.getName() + " has no public zero-argument constructor", e);
        }
        try {
            return constructor.newInstance();
        } catch (InvocationTargetException e) {
            throw Fault.of(e.getCause() == null ? e : e.getCause(), true);
        }
    }

    /** The overload with the most parameters of which something can be made; a last one of Context counts twice. */
    private static Handler method(Class<?> type, String name, ClassLoader loader) throws Exception {
        List<Method> overloads = new ArrayList<Method>();
        try {
            for (Method method : type.getMethods()) {
                if (method.getName().equals(name)) overloads.add(method);
            }
        } catch (NoClassDefFoundError e) {
            throw Fault.of("Error loading method " + name + " on class " + type.getName(), e, false);
        }
        Collections.sort(overloads, new Comparator<Method>() {
            @Override
            public int compare(Method left, Method right) {
                if (left.isBridge() != right.isBridge()) return left.isBridge() ? 1 : -1;
                return weight(right) - weight(left);
            }
        });
        for (Method method : overloads) {
            Handler handler = overload(type, method, loader);
            if (handler != null) return handler;
        }
        throw Fault.of("No public method named " + name + " with appropriate method signature found on class " + type.getName());
    }

    private static int weight(Method method) {
        Class<?>[] types = method.getParameterTypes();
        return types.length + (types.length > 0 && types[types.length - 1] == Context.class ? 1 : 0);
    }

    private static Handler overload(Class<?> type, Method method, ClassLoader loader) throws Exception {
        Class<?>[] types = method.getParameterTypes();
        int count = types.length;
        boolean takesContext = count > 0 && types[count - 1] == Context.class;
        int rest = takesContext ? count - 1 : count;
        boolean takesInput = rest > 0 && types[0] == InputStream.class;
        boolean takesOutput = rest > 0 && types[rest - 1] == OutputStream.class;
        Object instance = Modifier.isStatic(method.getModifiers()) ? null : Handler.class;
        if ((takesInput || takesOutput) && rest == (takesInput ? 1 : 0) + (takesOutput ? 1 : 0)) {
            if (method.getReturnType() != void.class && method.getReturnType() != Void.class) {
                System.err.println("Will ignore return type " + method.getReturnType() + " on byte stream handler");
            }
            return new OfBytes(new StreamMethod(method, instance == null ? null : instance(type), takesInput, takesOutput, takesContext));
        }
        if (rest > 1 || (rest == 1 && (takesOutput || types[0] == Context.class))) {
            System.err.println("Ignoring an overload of method " + method.getName() + " because of its parameters: " + method);
            return null;
        }
        Type input = rest == 1 ? method.getGenericParameterTypes()[0] : null;
        ValueMethod target = new ValueMethod(method, instance == null ? null : instance(type), input != null, takesContext);
        return new OfValues(target, input, method.getGenericReturnType(), Conversion.find(loader));
    }

    // --- Calling it ---

    private static final class OfBytes extends Handler {
        private final RequestStreamHandler handler;

        OfBytes(RequestStreamHandler handler) {
            this.handler = handler;
        }

        @Override
        void call(byte[] event, ByteArrayOutputStream answer, Context context) throws Throwable {
            handler.handleRequest(new ByteArrayInputStream(event), answer, context);
        }
    }

    private static final class OfValues extends Handler {
        private final RequestHandler<Object, Object> handler;
        private final Type input;
        private final Type output;
        private final Conversion conversion;

        OfValues(RequestHandler<Object, Object> handler, Type input, Type output, Conversion conversion) {
            this.handler = handler;
            this.input = input;
            this.output = output == void.class || output == Void.class ? null : output;
            this.conversion = conversion;
        }

        @Override
        void call(byte[] event, ByteArrayOutputStream answer, Context context) {
            Object value;
            try {
                value = input == null ? null : conversion.read(event, input);
            } catch (Throwable e) {
                throw new RuntimeException("An error occurred during JSON parsing", Fault.withoutRuntime(e));
            }
            Object result = handler.handleRequest(value, context);
            try {
                if (output == null) answer.write(NULL, 0, NULL.length);
                else conversion.write(result, output, answer);
            } catch (Throwable e) {
                throw new RuntimeException("An error occurred during JSON serialization of response", e);
            }
        }
    }

    /** JSON and back; a function may bring its own as a service. */
    private static class Conversion {
        private static final String SERVICE = "META-INF/services/" + CustomPojoSerializer.class.getName();

        static Conversion find(ClassLoader loader) {
            if (loader.getResource(SERVICE) == null) return new Conversion();
            Iterator<CustomPojoSerializer> found = ServiceLoader.load(CustomPojoSerializer.class, loader).iterator();
            if (!found.hasNext()) return new Conversion();
            final CustomPojoSerializer theirs = found.next();
            if (found.hasNext()) {
                throw Fault.of("Too many serializers provided inside the META-INF/services folder, only one is allowed");
            }
            return new Conversion() {
                @Override
                Object read(byte[] event, Type type) {
                    return theirs.fromJson(new ByteArrayInputStream(event), type);
                }

                @Override
                void write(Object value, Type type, OutputStream to) {
                    theirs.toJson(value, to, type);
                }
            };
        }

        Object read(byte[] event, Type type) {
            return Mapper.read(new String(event, StandardCharsets.UTF_8), type);
        }

        void write(Object value, Type type, OutputStream to) throws IOException {
            Writer.write(value, Mapper.raw(type), to);
        }
    }

    private static final class ValueMethod implements RequestHandler<Object, Object> {
        private final Method method;
        private final Object instance;
        private final boolean takesInput;
        private final boolean takesContext;

        ValueMethod(Method method, Object instance, boolean takesInput, boolean takesContext) {
            this.method = method;
            this.instance = instance;
            this.takesInput = takesInput;
            this.takesContext = takesContext;
        }

        @Override
        public Object handleRequest(Object input, Context context) {
            Object[] arguments = takesInput && takesContext ? new Object[] {input, context}
                    : takesInput ? new Object[] {input} : takesContext ? new Object[] {context} : new Object[] {};
            return invoke(method, instance, arguments);
        }
    }

    private static final class StreamMethod implements RequestStreamHandler {
        private final Method method;
        private final Object instance;
        private final boolean takesInput;
        private final boolean takesOutput;
        private final boolean takesContext;

        StreamMethod(Method method, Object instance, boolean takesInput, boolean takesOutput, boolean takesContext) {
            this.method = method;
            this.instance = instance;
            this.takesInput = takesInput;
            this.takesOutput = takesOutput;
            this.takesContext = takesContext;
        }

        @Override
        public void handleRequest(InputStream input, OutputStream output, Context context) throws IOException {
            List<Object> arguments = new ArrayList<Object>(3);
            if (takesInput) arguments.add(input);
            if (takesOutput) arguments.add(output);
            if (takesContext) arguments.add(context);
            invoke(method, instance, arguments.toArray());
            if (!takesOutput) output.write(NULL);
        }
    }

    private static Object invoke(Method method, Object instance, Object[] arguments) {
        try {
            return method.invoke(instance, arguments);
        } catch (InvocationTargetException e) {
            throw Handler.<RuntimeException>undeclared(e.getCause() == null ? e : e.getCause());
        } catch (Throwable e) {
            throw Handler.<RuntimeException>undeclared(e);
        }
    }

    /** Throws what the signature of the caller does not name. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T undeclared(Throwable error) throws T {
        throw (T) error;
    }
}
