import AWSWire
import Testing
import TestSupport

@Suite struct TextTests {
    // RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func base64OfTheStandard(plain: String, encoded: String) {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test func base64ReturnsWhatWentIn() {
        var random = SeededGenerator(seed: 4)
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = Base64.encode(bytes)
            #expect(Base64.decode(text) == bytes)
            #expect(Base64.decode(String(text.reversed().drop { $0 == "=" }.reversed())) == bytes)
        }
    }

    @Test(arguments: [
        "A", "A===", "AA=", "AAA=A", "=", "====", "A A=", "AA-_", "AB==", "AAB=", "AAAA=", "Zg==Zg==", "é===",
    ])
    func base64RefusesDamage(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    // RFC 4648, section 10, in lower case.
    @Test func hexadecimalOfTheStandard() {
        #expect(Hexadecimal.encode(Array("foobar".utf8)) == "666f6f626172")
        #expect(Hexadecimal.decode("666f6f626172") == Array("foobar".utf8))
        #expect(Hexadecimal.encode([0, 0x0A, 0xFF]) == "000aff")
        #expect(Hexadecimal.decode("") == [])
        for text in ["0", "000", "0A", "0g", " 0", "é"] { #expect(Hexadecimal.decode(text) == nil) }
    }

    @Test func decodesPercentEncoding() {
        #expect(PercentEncoding.decode("a%2Fb%20c+d%C3%A9", in: .path) == "a/b c+dé")
        #expect(PercentEncoding.decode("a+b%2B", in: .query) == "a b+")
        #expect(PercentEncoding.decode("plain", in: .path) == "plain")
        for text in ["%", "%1", "%zz", "a%2", "%ff", "%C3"] { #expect(PercentEncoding.decode(text, in: .path) == nil) }
    }

    @Test func percentEncodingReturnsWhatWentIn() {
        let text = "az AZ09-._~/:@$&'()*+,;=%é😀"
        #expect(PercentEncoding.decode(PercentEncoding.encode(text), in: .path) == text)
        #expect(PercentEncoding.decode(PercentEncoding.encode(text), in: .query) == text)
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, UriEncode
        #expect(PercentEncoding.encode("a/b c~", keepingSlashes: true) == "a/b%20c~")
        #expect(PercentEncoding.encode("a/b+*") == "a%2Fb%2B%2A")
    }

    @Test func readsQueries() {
        let query = QueryParameters("tagKeys=a&tagKeys=b%20c&flag&x=1=2&=e&bad=%zz&")
        #expect(query.all("tagKeys") == ["a", "b c"])
        #expect(query["tagKeys"] == "a")
        #expect(query["flag"] == "")
        #expect(query["x"] == "1=2")
        #expect(query["bad"] == nil)
        #expect(query["missing"] == nil)
        #expect(QueryParameters(nil).pairs.isEmpty)
    }

    @Test func requestIDsAreRandomVersion4UUIDs() throws {
        let form = try Pattern("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
        let ids = (0..<200).map { _ in RequestID.make() }
        #expect(ids.allSatisfy(form.matches))
        #expect(Set(ids).count == ids.count)
        var random = SeededGenerator(seed: 5)
        let characters = Set((0..<200).flatMap { _ in RequestID.make(using: &random) })
        #expect(characters == Set("0123456789abcdef-"))
    }

    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    @Test func readsAndPrintsARNs() throws {
        let text = "arn:aws:lambda:us-east-1:123456789012:function:hello:3"
        let arn = try #require(ARN(text))
        #expect(
            arn == ARN(service: "lambda", region: "us-east-1", account: "123456789012", resource: "function:hello:3"))
        #expect(arn.description == text)
        let bucket = try #require(ARN("arn:aws-cn:s3:::bucket/a:b"))
        #expect(bucket.region.isEmpty && bucket.account.isEmpty && bucket.resource == "bucket/a:b")
        for text in [
            "", "arn", "arn:aws:lambda:us-east-1:1", "arn:aws:lambda:::", "arn::lambda:::x", "arn:aws::::x",
            "urn:aws:s3:::x",
        ] {
            #expect(ARN(text) == nil)
        }
    }

    /// More than a buffer of them, on several threads.
    @Test func randomNumbersDoNotComeTwice() async {
        let numbers = await withTaskGroup(of: [UInt64].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var random = BufferedRandom()
                    return (0..<1000).map { _ in random.next() }
                }
            }
            return await group.reduce(into: [UInt64]()) { $0 += $1 }
        }
        #expect(Set(numbers).count == 8000)
        // Each bit is set in about a half of them.
        for bit in 0..<64 { #expect((3500...4500).contains(numbers.count { $0 >> UInt64(bit) & 1 == 1 })) }
    }
}
