import AWSWire
import NIOCore
import NIOHTTP1
import Testing

@Suite struct QueryTests {
    private func request(_ body: String, query: String? = nil) -> ServiceRequest {
        let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
        return ServiceRequest(
            method: .POST, path: "/", query: query, body: ByteBuffer(string: body), caller: caller, requestID: "r")
    }

    // MARK: Forms

    @Test func aFormIsATreeOfMembers() {
        let form = FormValue(request("A=1&B.C=two+words&B.D=%26%C3%A9&E="))
        #expect(form["A"]?.text == "1")
        #expect(form["B"]?["C"]?.text == "two words")
        #expect(form["B"]?["D"]?.text == "&é")
        #expect(form["B"]?.text == nil)
        #expect(form["E"]?.text == "")
        #expect(form["F"] == nil)
    }

    @Test func listsAreInTheOrderOfTheirNumbers() {
        let form = FormValue(request("T.member.10=c&T.member.9=b&T.member.1=a&T.member.x=no&F.2=y&F.1=x&Empty="))
        #expect(form["T"]?.texts() == ["a", "b", "c"])
        #expect(form["F"]?.texts(nil) == ["x", "y"])
        #expect(form["Empty"]?.texts() == [])
    }

    @Test func mapsHaveEntries() {
        let form = FormValue(request("M.entry.1.key=a&M.entry.1.value=1&A.1.Name=b&A.1.Value=2"))
        #expect(form["M"]?.entries().map(\.key) == ["a"])
        #expect(form["M"]?.entries().map(\.value.text) == ["1"])
        #expect(form["A"]?.entries(nil, key: "Name", value: "Value").map(\.key) == ["b"])
        #expect(form["A"]?.entries(nil, key: "Name", value: "Value").map(\.value.text) == ["2"])
    }

    @Test func theQueryCountsAsTheForm() throws {
        #expect(try QueryAnswer.action(of: request("", query: "Action=GetUser&Version=1")) == "GetUser")
        #expect(try QueryAnswer.action(of: request("Action=GetUser")) == "GetUser")
        #expect(throws: AWSError.self) { try QueryAnswer.action(of: request("Version=1")) }
    }

    @Test(.timeLimit(.minutes(10))) func deepNamesAreNoMembers() {
        let deep = Array(repeating: "a", count: 100_000).joined(separator: ".")
        #expect(FormValue(request("\(deep)=1&b=2"))["b"]?.text == "2")
        #expect(FormValue(request("\(deep)=1"))["a"] == nil)
    }

    @Test(.timeLimit(.minutes(10))) func thereAreNotAsManyMembers() {
        let many = String(repeating: "a&", count: 200_000) + "b=1"
        #expect(FormValue(request(many))["b"] == nil)
        #expect(FormValue(request(many))["a"]?.text == "")
        #expect(FormValue(request("a&b=1"))["b"]?.text == "1")
    }

    @Test func unknownActions() throws {
        let error = QueryAnswer.invalidAction("Nothing", in: request("Action=Nothing&Version=2010-05-08"))
        #expect(error.code == "InvalidAction")
        #expect(error.message == "Could not find operation Nothing for version 2010-05-08")
    }

    // MARK: Constraints

    private func message(
        _ body: String, _ disclosure: Disclosure = .open,
        _ read: (inout InputDecoder, FormValue) throws(AWSError) -> Void
    ) -> String? {
        var input = InputDecoder(request(body), RouteLabels(), validationCode: "ValidationError", disclosure)
        do {
            try read(&input, input.form)
            try input.check()
            return nil
        } catch {
            #expect(error.status == 400)
            return error.message
        }
    }

    // Recorded from AWS by LocalStack (tests/aws/services/iam/test_iam.snapshot.json, tests/aws/services/sts/…).
    @Test func wordsOfConstraints() {
        let word = StringConstraint(min: 1, pattern: #"[\w]+"#)
        #expect(
            message("Id=a-b", .sensitive) { _ = $0.string($1["Id"], "id", word) }
                == "1 validation error detected: Value at 'id' failed to satisfy constraint: "
                + #"Member must satisfy regular expression pattern: [\w]+"#)
        let status = StringConstraint(values: ["Active", "Inactive"], listsValues: false)
        #expect(
            message("Status=x", .sensitive) { _ = $0.string($1["Status"], "status", status) }
                == "1 validation error detected: Value at 'status' failed to satisfy constraint: "
                + "Member must satisfy enum value set")
        let name = StringConstraint(min: 2, max: 64, pattern: #"[\w+=,.@-]*"#)
        #expect(
            message("RoleSessionName=Session1:2") { _ = $0.string($1["RoleSessionName"], "roleSessionName", name) }
                == "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
                + #"Member must satisfy regular expression pattern: [\w+=,.@-]*"#)
    }

    // As IAM answers (aws-amplify/amplify-cli#9120).
    @Test func somePatternsHaveWordsOfTheirOwn() {
        let words = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        let name = StringConstraint(min: 1, max: 4, pattern: #"[\w+=,.@-]+"#, patternWords: words)
        #expect(
            message("RoleName=a%20b") { _ = $0.string($1["RoleName"], "roleName", name) }
                == "The specified value for roleName is invalid. \(words)")
        #expect(
            message("RoleName=a%20b%20c", .sensitive) { _ = $0.string($1["RoleName"], "roleName", name) }
                == "1 validation error detected: Value at 'roleName' failed to satisfy constraint: "
                + "Member must have length less than or equal to 4")
    }

    @Test func scalarsThatAreNotOfTheirKind() {
        #expect(message("N=1x") { form, body throws(AWSError) in _ = try form.int(body["N"], "n") } != nil)
        #expect(message("N=yes") { form, body throws(AWSError) in _ = try form.bool(body["N"]) } != nil)
        let yes = message("N=True") { form, body throws(AWSError) in #expect(try form.bool(body["N"]) == true) }
        #expect(yes == nil)
        #expect(message("N=!") { form, body throws(AWSError) in _ = try form.blob(body["N"]) } != nil)
    }

    // MARK: XML

    private struct Output: QueryOutput {
        func encode(to writer: inout XMLWriter) {
            writer.string("Name", "a<b>&\r\n\u{1}é")
            writer.timestamp("Date", 1_764_281_047)
            writer.timestamp("Exact", 1_764_281_047.25)
            writer.strings("Names", ["x", "y"])
            writer.strings("None", [])
            writer.strings("Nil", nil)
            writer.map("Counts", ["b": 2, "a": 1]) { $0.int($1) }
            writer.bool("Flag", true)
        }
    }

    @Test func answersAreDocuments() {
        let response = QueryAnswer.response("Act", namespace: "urn:x", requestID: "id", Output())
        #expect(response.headers.first(name: "Content-Type") == "text/xml")
        #expect(
            String(buffer: response.bytes)
                == #"<ActResponse xmlns="urn:x"><ActResult><Name>a&lt;b&gt;&amp;&#xD;"# + "\n\u{fffd}é</Name>"
                + "<Date>2025-11-27T22:04:07Z</Date><Exact>2025-11-27T22:04:07.250Z</Exact>"
                + "<Names><member>x</member><member>y</member></Names><None></None>"
                + "<Counts><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>2</value></entry>"
                + "</Counts><Flag>true</Flag></ActResult>"
                + "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ActResponse>")
        #expect(
            String(buffer: QueryAnswer.response("Act", namespace: "urn:x", requestID: "id").bytes)
                == #"<ActResponse xmlns="urn:x"><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>"#
                + "</ActResponse>")
    }

    @Test func errorsAreDocuments() {
        let error = AWSError(code: "NoSuchEntity", message: "None.", status: 404)
        let response = ErrorEncoding.response(for: error, protocol: .query(namespace: "urn:x"), requestID: "id")
        #expect(response.status == .notFound)
        #expect(
            String(buffer: response.bytes)
                == #"<ErrorResponse xmlns="urn:x"><Error><Type>Sender</Type><Code>NoSuchEntity</Code>"#
                + "<Message>None.</Message></Error><RequestId>id</RequestId></ErrorResponse>")
    }

    // The names of the IAM and STS API references' "Common Errors".
    @Test func failedSignaturesHaveTheirOlderNames() {
        #expect(SigV4Failure.invalidToken.error(for: .anyQuery).code == "InvalidClientTokenId")
        #expect(SigV4Failure.mismatch.error(for: .anyQuery).code == "SignatureDoesNotMatch")
        #expect(SigV4Failure.missingToken.error(for: .anyQuery).message == "Missing Authentication Token")
        #expect(SigV4Failure.expiredToken.error(for: .anyQuery).status == 403)
    }
}
