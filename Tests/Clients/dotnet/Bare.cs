// A function without a serializer.
public class Bare {
    public string Handle(string text) => text;
    public System.IO.Stream Streams(System.IO.Stream stream) => stream;
}
