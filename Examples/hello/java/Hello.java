package hello;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

public class Hello implements RequestHandler<Map<String, String>, Hello.Answer> {
    public record Answer(int statusCode, String body) {}

    @Override
    public Answer handleRequest(Map<String, String> event, Context context) {
        String name = event.getOrDefault("name", "world");
        context.getLogger().log("Greeting " + name);
        return new Answer(200, "Hello, " + name);
    }
}
