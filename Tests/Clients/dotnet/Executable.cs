// An assembly with a Main of its own, which speaks the Runtime API itself.
using System;
using System.Net.Http;
using System.Text;
using System.Threading.Tasks;

public static class Executable {
    public static void Main() => Run().GetAwaiter().GetResult();

    static async Task Run() {
        var api = "http://" + Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/";
        var client = new HttpClient();
        while (true) {
            var next = await client.GetAsync(api + "next");
            var id = string.Join("", next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id"));
            var answer = "{\"main\":" + await next.Content.ReadAsStringAsync() + "}";
            await client.PostAsync(api + id + "/response", new StringContent(answer, Encoding.UTF8, "application/json"));
        }
    }
}
