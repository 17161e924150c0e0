package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;

/** Registers what is to happen on both sides of a snapshot as `org.crac` does: by the names of classes, and by proxies. */
public class Hooked implements RequestHandler<Object, Object> {
    static final List<String> steps = new ArrayList<String>();
    /** They live as long as somebody here holds them. */
    static final List<Object> held = new ArrayList<Object>();

    final String failing = System.getenv("FAILING");

    public Hooked() throws Exception {
        held.add(register("one"));
        held.add(register("two"));
        register("nobody holds this");
        steps.add("init");
    }

    private Object register(final String name) throws Exception {
        String home = System.getProperty("org.crac.Core.Compat");
        Class<?> resource = Class.forName(home + ".Resource");
        InvocationHandler handler = new InvocationHandler() {
            @Override
            public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
                String step = method.getName() + " " + name;
                steps.add(step);
                System.out.println(step);
                if (step.equals(failing)) throw new IllegalStateException("cannot " + step);
                return null;
            }
        };
        Object proxy = Proxy.newProxyInstance(resource.getClassLoader(), new Class<?>[] {resource}, handler);
        Object context = Class.forName(home + ".Core").getMethod("getGlobalContext").invoke(null);
        Class.forName(home + ".Context").getMethod("register", resource).invoke(context, proxy);
        return proxy;
    }

    @Override
    public Object handleRequest(Object event, Context context) {
        try {
            Class.forName(System.getProperty("org.crac.Core.Compat") + ".Core").getMethod("checkpointRestore").invoke(null);
        } catch (InvocationTargetException e) {
            steps.add(e.getCause().getClass().getSimpleName());
        } catch (ReflectiveOperationException e) {
            steps.add(e.toString());
        }
        return steps;
    }
}
