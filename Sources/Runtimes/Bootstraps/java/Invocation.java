package apus.lambda;

import com.amazonaws.services.lambda.runtime.Client;
import com.amazonaws.services.lambda.runtime.ClientContext;
import com.amazonaws.services.lambda.runtime.CognitoIdentity;
import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaLogger;
import java.util.LinkedHashMap;
import java.util.Map;

/** One invocation as a handler sees it. */
final class Invocation implements Context {
    private final RuntimeApi.Answer answer;
    private final LambdaLogger logger;
    private final long deadline;
    private final ClientContext client;
    private final CognitoIdentity identity;

    Invocation(RuntimeApi.Answer answer, LambdaLogger logger) {
        this.answer = answer;
        this.logger = logger;
        String deadline = answer.header("lambda-runtime-deadline-ms");
        this.deadline = deadline == null ? 0 : Long.parseLong(deadline);
        Map<?, ?> client = object(answer.header("lambda-runtime-client-context"));
        this.client = client == null ? null : new SaidByClient(client);
        Map<?, ?> identity = object(answer.header("lambda-runtime-cognito-identity"));
        this.identity = identity == null ? null : new Identity(identity);
    }

    byte[] event() {
        return answer.body;
    }

    private static Map<?, ?> object(String json) {
        if (json == null || json.isEmpty()) return null;
        Object value = Json.parse(json);
        return value instanceof Map ? (Map<?, ?>) value : null;
    }

    private static String text(Map<?, ?> object, String name) {
        Object value = object.get(name);
        if (value == null) return null;
        return value instanceof Json.Num ? ((Json.Num) value).text : value.toString();
    }

    private static Map<String, String> texts(Map<?, ?> object, String name) {
        if (!(object.get(name) instanceof Map)) return null;
        Map<?, ?> inner = (Map<?, ?>) object.get(name);
        Map<String, String> texts = new LinkedHashMap<String, String>();
        for (Object key : inner.keySet()) texts.put((String) key, text(inner, (String) key));
        return texts;
    }

    @Override
    public String getAwsRequestId() {
        return answer.header("lambda-runtime-aws-request-id");
    }

    @Override
    public String getLogGroupName() {
        return System.getenv("AWS_LAMBDA_LOG_GROUP_NAME");
    }

    @Override
    public String getLogStreamName() {
        return System.getenv("AWS_LAMBDA_LOG_STREAM_NAME");
    }

    @Override
    public String getFunctionName() {
        return System.getenv("AWS_LAMBDA_FUNCTION_NAME");
    }

    @Override
    public String getFunctionVersion() {
        return System.getenv("AWS_LAMBDA_FUNCTION_VERSION");
    }

    @Override
    public String getInvokedFunctionArn() {
        return answer.header("lambda-runtime-invoked-function-arn");
    }

    @Override
    public CognitoIdentity getIdentity() {
        return identity;
    }

    @Override
    public ClientContext getClientContext() {
        return client;
    }

    @Override
    public int getRemainingTimeInMillis() {
        return (int) Math.max(0, Math.min(Integer.MAX_VALUE, deadline - System.currentTimeMillis()));
    }

    @Override
    public int getMemoryLimitInMB() {
        String size = System.getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
        return size == null ? 128 : Integer.parseInt(size);
    }

    @Override
    public LambdaLogger getLogger() {
        return logger;
    }

    @Override
    public String getTenantId() {
        return answer.header("lambda-runtime-aws-tenant-id");
    }

    @Override
    public String getXrayTraceId() {
        return answer.header("lambda-runtime-trace-id");
    }

    private static final class Identity implements CognitoIdentity {
        private final Map<?, ?> said;

        Identity(Map<?, ?> said) {
            this.said = said;
        }

        @Override
        public String getIdentityId() {
            return text(said, "cognitoIdentityId");
        }

        @Override
        public String getIdentityPoolId() {
            return text(said, "cognitoIdentityPoolId");
        }
    }

    private static final class SaidByClient implements ClientContext, Client {
        private final Map<?, ?> said;
        private final Map<?, ?> client;

        SaidByClient(Map<?, ?> said) {
            this.said = said;
            this.client = said.get("client") instanceof Map ? (Map<?, ?>) said.get("client") : null;
        }

        @Override
        public Client getClient() {
            return client == null ? null : this;
        }

        @Override
        public Map<String, String> getCustom() {
            return texts(said, "custom");
        }

        @Override
        public Map<String, String> getEnvironment() {
            return texts(said, "env");
        }

        @Override
        public String getInstallationId() {
            return text(client, "installation_id");
        }

        @Override
        public String getAppTitle() {
            return text(client, "app_title");
        }

        @Override
        public String getAppVersionName() {
            return text(client, "app_version_name");
        }

        @Override
        public String getAppVersionCode() {
            return text(client, "app_version_code");
        }

        @Override
        public String getAppPackageName() {
            return text(client, "app_package_name");
        }
    }
}
