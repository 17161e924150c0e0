// A function with hooks on both sides of a snapshot.
using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

[assembly: LambdaSerializer(typeof(JsonLambdaSerializer))]

namespace Test {
    public class Hooked {
        readonly List<string> steps = new List<string>();

        public Hooked() {
            SnapshotRestore.RegisterBeforeSnapshot(() => Step("before 1"));
            SnapshotRestore.RegisterBeforeSnapshot(() => Step("before 2"));
            SnapshotRestore.RegisterAfterRestore(() => Step("after 1"));
            SnapshotRestore.RegisterAfterRestore(() => Step("after 2"));
            steps.Add("init");
        }

        // Mono's compiler knows no asynchronous methods of this type.
        ValueTask Step(string name) => new ValueTask(Take(name));

        async Task Take(string name) {
            await Task.Delay(1);
            steps.Add(name);
            if (name == Environment.GetEnvironmentVariable("FAILING")) throw new InvalidOperationException("cannot " + name);
        }

        public List<string> Steps() => steps;
    }
}
