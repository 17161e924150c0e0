// A function in C#: reads the event from a stream and returns the answer as one, so that it needs no package.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace Hello {
    public class Function {
        public Stream Handle(Stream input) {
            string name = "world";
            using (var document = JsonDocument.Parse(input)) {
                if (document.RootElement.TryGetProperty("name", out JsonElement given)) name = given.GetString();
            }
            Console.WriteLine("Greeting " + name);
            var answer = new Dictionary<string, object> { ["statusCode"] = 200, ["body"] = "Hello, " + name };
            return new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(answer));
        }
    }
}
