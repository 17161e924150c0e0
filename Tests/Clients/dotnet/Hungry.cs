// A function that takes memory until it is refused some.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;

public class Hungry {
    public Stream Eat(Stream input) {
        var held = new List<byte[]>();
        string answer = "none";
        try {
            while (true) held.Add(new byte[1 << 20]);
        } catch (OutOfMemoryException) {
            held.Clear();
            answer = "OutOfMemoryException";
        }
        return new MemoryStream(Encoding.UTF8.GetBytes("\"" + answer + "\""));
    }
}
